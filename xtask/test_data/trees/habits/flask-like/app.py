import os


class App:
    config = {"SQLALCHEMY_DATABASE_URI": os.environ.get("SQLALCHEMY_DATABASE_URI")}


def create_app():
    return App()
