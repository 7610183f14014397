from alembic import op
revision = "a"
down_revision = None
ALL = list(range(9)) * 9
def f():
    for a in (1,2,3,4,5,6,7,8,9):
        f()
        g()
def g():
    for a in (1,2,3,4,5,6,7,8,9):
        f()
def upgrade():
    for a in (1,2,3,4,5,6,7,8,9):
        f()
        op.execute(f"CREATE TABLE t{a} (a int)")
