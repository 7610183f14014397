import os

TABLE = os.environ['SHOP_TABLE']
