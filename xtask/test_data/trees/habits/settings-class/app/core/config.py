"""Settings as pydantic-settings has them: each field is required, and read from the environment."""

import os


class Settings:
    postgres_server: str
    postgres_port: int
    postgres_user: str
    postgres_password: str
    postgres_db: str

    def __init__(self):
        for name, kind in self.__annotations__.items():
            setattr(self, name, kind(os.environ[name.upper()]))

    @property
    def uri(self):
        login = f"{self.postgres_user}:{self.postgres_password}"
        place = f"{self.postgres_server}:{self.postgres_port}"
        return f"postgresql+psycopg2://{login}@{place}/{self.postgres_db}"


settings = Settings()
