"""Asks for the application as Flask-Migrate's env.py does, with the error of Flask."""


def get_engine():
    raise RuntimeError("Working outside of application context.\n\nSet up an application context.")


engine = get_engine()
