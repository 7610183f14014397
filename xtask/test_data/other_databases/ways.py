"""Ways past the functions that connect: each empties a table of another server, where it leads there."""

import asyncio
import os
import shutil
import subprocess
import sys

URL = "postgresql:{url}"
DELETE = "DELETE FROM customers"
ASKED = {"host": "127.0.0.1", "port": {port}, "database": "precious", "password": "s3cret"}


def try_all(op):
    led, left_out = [], []
    for way in WAYS:
        try:
            way(op)
        except (ImportError, LookupError) as err:
            left_out.append(f"{way.__name__} ({err})")
        except Exception:
            continue
        else:
            led.append(way.__name__)
    raise RuntimeError(f"{', '.join(led) or 'no way'} led there; left out: {left_out}")


def use(connection):
    connection.cursor().execute(DELETE)
    connection.commit()


def function_behind_connect(op):
    import psycopg2

    use(psycopg2._connect(URL))


def class_behind_connect(op):
    import psycopg2.extensions

    use(psycopg2.extensions.connection(URL))


def libpq_of_psycopg(op):
    from psycopg import pq

    done = pq.PGconn.connect(URL.encode()).exec_(DELETE.encode())
    if done.status != pq.ExecStatus.COMMAND_OK:
        raise OSError("refused")


def native_pg8000(op):
    import pg8000.native

    pg8000.native.Connection("somebody", **ASKED).run(DELETE)


def dbapi_of_pg8000(op):
    import pg8000.dbapi

    use(pg8000.dbapi.connect("somebody", **ASKED))


def module_of_asyncpg(op):
    from asyncpg.connection import connect

    async def clean():
        await (await connect(URL)).execute(DELETE)

    asyncio.run(clean())


def pool_of_asyncpg(op):
    import asyncpg

    async def clean():
        await (await asyncpg.create_pool(URL)).execute(DELETE)

    asyncio.run(clean())


def python_process(op):
    code = f"import psycopg2; c = psycopg2.connect({URL!r}); c.cursor().execute({DELETE!r}); c.commit()"
    subprocess.run([sys.executable, "-c", code], check=True)


def psql_process(op):
    psql = shutil.which("psql")
    if psql is None:
        raise LookupError("no psql")
    subprocess.run([psql, URL, "-c", DELETE], check=True)


def psql_on_the_socket(op):
    psql = shutil.which("psql")
    if psql is None:
        raise LookupError("no psql")
    socket = "postgresql://somebody:s3cret@/precious?host={socket}&port={port}"
    subprocess.run([psql, socket, "-c", DELETE], check=True)


def dblink(op):
    with_extension(op, "dblink", f"SELECT dblink_exec('{URL}', '{DELETE}')")


def program_of_the_server(op):
    execute(op, f"COPY (SELECT 1) TO PROGRAM 'psql {URL} -c \"{DELETE}\"'")


def foreign_table(op):
    asked = "host '127.0.0.1', port '{port}', dbname 'precious'"
    with_extension(
        op,
        "postgres_fdw",
        f"CREATE SERVER there FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({asked})",
        "CREATE USER MAPPING FOR CURRENT_USER SERVER there OPTIONS (user 'somebody', password 's3cret')",
        "CREATE FOREIGN TABLE customers (id int) SERVER there",
        DELETE,
    )


def with_extension(op, name, *statements):
    try:
        execute(op, f"CREATE EXTENSION {name}")
    except Exception as exc:
        raise LookupError(f"no {name}") from exc
    execute(op, *statements)


def execute(op, *statements):
    """Each is done before the next way is tried, whatever becomes of it."""
    import sqlalchemy as sa

    with sa.create_engine(os.environ["DATABASE_URL"]).begin() as own:
        for statement in statements:
            own.execute(sa.text(statement))


WAYS = [
    function_behind_connect,
    class_behind_connect,
    libpq_of_psycopg,
    native_pg8000,
    dbapi_of_pg8000,
    module_of_asyncpg,
    pool_of_asyncpg,
    python_process,
    psql_process,
    psql_on_the_socket,
    dblink,
    program_of_the_server,
    foreign_table,
]
