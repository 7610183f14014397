//! Trees that count on the order in which env.py and revisions are read, on what is imported by then,
//! and on files.

use super::tree::StepOutcome::{Again, Pass, Upgrade};
use super::tree::{Case, HEAD, SOUND};

pub const CASES: &[Case] = &[
    Case {
        name: "env_sets_variable_for_revision",
        env: "os.environ['SHOP'] = '1'",
        top: "SHOP = os.environ['SHOP']",
        edit: ("env.py", "os.environ['SHOP'] = '1'", "# nothing is set"),
        ..SOUND
    },
    Case {
        name: "env_is_read_before_revisions",
        env: "assert 'SHOP' not in os.environ",
        top: "os.environ['SHOP'] = '1'",
        edit: ("env.py", "not in os.environ", "in os.environ"),
        ..SOUND
    },
    Case {
        name: "revision_finds_module_that_env_imported",
        env: "import colorsys",
        top: "import sys\nassert 'colorsys' in sys.modules",
        edit: ("env.py", "import colorsys", "# nothing is imported"),
        ..SOUND
    },
    Case {
        name: "revision_is_read_once_in_a_process",
        top: "import builtins\nbuiltins.shop = getattr(builtins, 'shop', 0) + 1\n\
              assert builtins.shop == 1",
        edit: (HEAD, "shop == 1", "shop == 2"),
        ..SOUND
    },
    Case {
        name: "operation_is_registered_by_revision",
        top: "from alembic.operations import MigrateOperation, Operations\n\
              assert not hasattr(Operations, 'shop')\n\
              @Operations.register_operation('shop')\n\
              class Shop(MigrateOperation):\n    @classmethod\n    \
                  def shop(cls, operations):\n        return operations.invoke(cls())\n\
              @Operations.implementation_for(Shop)\n\
              def run(operations, operation):\n    operations.execute('SELECT 1')",
        up: "op.shop()",
        edit: (HEAD, "op.shop()", "op.store()"),
        ..SOUND
    },
    Case {
        name: "logging_config_is_not_imported",
        env: "import logging\nlogging.config.dictConfig({'version': 1})",
        edit: ("env.py", "import logging\n", "import logging.config\n"),
        plain: (Upgrade, Pass),
        ..SOUND
    },
    Case {
        name: "logging_handlers_is_not_imported",
        env: "import logging\nlogging.handlers.MemoryHandler(1)",
        edit: ("env.py", "import logging\n", "import logging.handlers\n"),
        plain: (Upgrade, Pass),
        ..SOUND
    },
    Case {
        name: "importlib_util_in_revision",
        top: "import importlib\nassert importlib.util.find_spec('os')",
        edit: (HEAD, "importlib.util", "importlib.shop"),
        ..SOUND
    },
    Case {
        name: "concurrent_futures_in_revision",
        top: "import concurrent\nassert concurrent.futures.Future",
        edit: (HEAD, "concurrent.futures", "concurrent.shop"),
        ..SOUND
    },
    Case {
        name: "xml_etree_in_revision",
        top: "import xml\nassert xml.etree",
        edit: (HEAD, "import xml\n", "import xml.etree\n"),
        plain: (Upgrade, Pass),
        ..SOUND
    },
    Case {
        name: "driver_is_not_imported_before_env",
        env: "import sys\nassert 'psycopg2' not in sys.modules",
        edit: ("env.py", "'psycopg2' not", "'alembic' not"),
        ..SOUND
    },
    Case {
        name: "module_beside_the_tree",
        ini: "prepend_sys_path = %(here)s/lib\n",
        env: "import shop",
        top: "import shop\nassert shop.PRICE == 7",
        files: &[("lib/shop.py", "PRICE = 7\n")],
        edit: ("lib/shop.py", "PRICE = 7", "PRICE = 8"),
        ..SOUND
    },
    Case {
        name: "path_that_the_ini_prepends_is_first",
        ini: "prepend_sys_path = %(here)s/lib\n",
        top: "import sys\nassert os.path.basename(sys.path[0]) == 'lib', sys.path",
        files: &[("lib/shop.py", "")],
        edit: ("alembic.ini", "prepend_sys_path", "shop_path"),
        ..SOUND
    },
    Case {
        name: "statement_from_a_file",
        up: "op.execute(open('sql/prices.sql').read())",
        files: &[("sql/prices.sql", "SELECT id FROM items")],
        edit: ("sql/prices.sql", "FROM items", "FROM things"),
        ..SOUND
    },
    Case {
        name: "each_file_of_a_folder",
        up: "for name in sorted(os.listdir('sql')):\n    op.execute(open('sql/' + name).read())",
        files: &[("sql/1.sql", "SELECT id FROM items")],
        edit: ("sql/2.sql", "", "SELECT id FROM things"),
        ..SOUND
    },
    Case {
        name: "file_that_is_asked_about",
        up: "from os import path, stat\n\
             place = path.join(path.dirname(__file__), '..', 'flag')\n\
             try:\n    stat(place)\nexcept FileNotFoundError:\n    pass\n\
             else:\n    raise ValueError(place)",
        edit: ("flag", "", "there"),
        ..SOUND
    },
    Case {
        name: "file_beside_the_tree_that_is_asked_about",
        up: "from os import path, stat\n\
             place = path.join(path.dirname(__file__), '..', '..', 'flag')\n\
             try:\n    stat(place)\nexcept FileNotFoundError:\n    pass\n\
             else:\n    raise ValueError(place)",
        edit: ("../flag", "", "there"),
        ..SOUND
    },
    Case {
        name: "file_outside_that_is_read",
        up: "if os.path.exists('../flag'):\n    op.execute(open('../flag').read())",
        edit: ("../flag", "", "SELECT id FROM things"),
        ..SOUND
    },
    Case {
        name: "env_changes_the_working_folder",
        up: "op.execute(open('sql/prices.sql').read())",
        end: "",
        env: "place = '.'\nos.chdir(place)",
        files: &[("sql/prices.sql", "SELECT id FROM items")],
        edit: ("env.py", "place = '.'", "place = '/'"),
        ..SOUND
    },
    Case {
        name: "env_sets_version_locations_in_its_config",
        env: "from alembic import context\n\
              places = os.path.abspath('versions') + os.pathsep + os.path.abspath('more')\n\
              context.config.set_main_option('version_locations', places)",
        files: &[("more/c3.py", MORE)],
        ..SOUND
    },
    Case {
        name: "env_sets_version_locations_of_its_script",
        env: "from pathlib import Path\n\
              from alembic import context\n\
              places = [Path('versions').resolve()]\n\
              context.script.__dict__['_version_locations'] = places",
        files: &[("more/c3.py", MORE)],
        edit: (
            "env.py",
            "places = [Path('versions').resolve()]",
            "places = [Path(name).resolve() for name in ('versions', 'more')]",
        ),
        ..SOUND
    },
    Case {
        name: "script_directory_is_new_in_each_call",
        env: "from alembic import context\nassert not hasattr(context.script, 'shop')\n\
              context.script.shop = 1",
        edit: ("env.py", "assert not hasattr", "assert hasattr"),
        ..SOUND
    },
    Case {
        name: "revision_leaves_a_file_for_the_next_step",
        up: "import tempfile\n\
             place = os.path.join(tempfile.gettempdir(), 'note')\n\
             if os.path.exists(place):\n    os.remove(place)",
        down: "import tempfile\n\
               note = os.path.join(tempfile.gettempdir(), 'note')\n\
               open(note, 'w').close()",
        edit: (HEAD, "os.remove(place)", "raise ValueError(place)"),
        plain: (Pass, Again),
        ..SOUND
    },
];

const MORE: &str = "\
revision = 'c3'
down_revision = 'b2'


def upgrade():
    raise ValueError


def downgrade():
    pass
";
