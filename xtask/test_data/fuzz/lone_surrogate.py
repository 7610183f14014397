revision = "aí €"
down_revision = None
