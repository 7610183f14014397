from sqlalchemy import text


def take(connection):
    connection.execute(text("SELECT 1"))
