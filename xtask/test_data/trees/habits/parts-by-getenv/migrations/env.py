import os
from alembic import context
from sqlalchemy import create_engine

get = os.getenv
url = f"postgresql+psycopg2://{get('PG_USER')}:{get('PG_PASS')}@{get('PG_HOST', 'localhost')}:{get('PG_PORT', '5432')}/{get('PG_NAME', 'shop')}"
with create_engine(url).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
