//! Trees that count on how a process ends, and on what it is when it begins.

use super::tree::StepOutcome::{Downgrade, Pass, Upgrade};
use super::tree::{Case, HEAD, SOUND};

/// Defines `write()`, which makes a table through a connection of its own.
macro_rules! writes {
    ($more:literal) => {
        concat!(
            "def write():\n    engine = sa.create_engine(os.environ['DATABASE_URL'])\n    \
             with engine.begin() as own:\n        \
             own.execute(sa.text('CREATE TABLE marker (a int)'))\n",
            $more
        )
    };
}

/// Takes the table away again, and fails where it was never made.
const UNWRITE: &str = "op.execute('DROP TABLE marker')";

pub const CASES: &[Case] = &[
    Case {
        name: "exit_hook_of_revision_writes",
        top: writes!("import atexit"),
        up: "atexit.register(write)",
        down: UNWRITE,
        edit: (HEAD, "atexit.register(write)", "atexit.unregister(write)"),
        plain: (Pass, Downgrade),
        ..SOUND
    },
    Case {
        name: "finalizer_of_revision_writes",
        top: writes!("import weakref"),
        up: "global kept\nkept = sa.MetaData()\nweakref.finalize(kept, write).atexit = True",
        down: UNWRITE,
        edit: (HEAD, ".atexit = True", ".atexit = False"),
        plain: (Pass, Downgrade),
        ..SOUND
    },
    Case {
        name: "thread_that_outlives_the_command_writes",
        top: writes!(
            "import threading, time\n\
             def late():\n    threading.main_thread().join()\n    time.sleep(0.2)\n    write()"
        ),
        up: "threading.Thread(target=late, daemon=False).start()",
        down: UNWRITE,
        edit: (HEAD, "daemon=False", "daemon=True"),
        plain: (Pass, Downgrade),
        ..SOUND
    },
    Case {
        name: "executor_that_outlives_the_command_writes",
        top: writes!(
            "import concurrent.futures, time\n\
             def late():\n    time.sleep(0.2)\n    write()"
        ),
        up: "concurrent.futures.ThreadPoolExecutor().submit(late)",
        down: UNWRITE,
        edit: (HEAD, ".submit(late)", ".submit(int)"),
        plain: (Pass, Downgrade),
        ..SOUND
    },
    Case {
        name: "log_is_flushed_at_exit",
        top: "import logging.handlers, tempfile\n\
              NOTE = os.path.join(tempfile.gettempdir(), 'note')",
        up: "to = logging.FileHandler(NOTE, 'w')\n\
             logging.getLogger('shop').addHandler(logging.handlers.MemoryHandler(99, target=to))\n\
             logging.getLogger('shop').warning('there')",
        down: "assert open(NOTE).read() == 'there\\n'",
        edit: (HEAD, "MemoryHandler(99, target=to)", "MemoryHandler(99, target=None)"),
        plain: (Pass, Downgrade),
        ..SOUND
    },
    Case {
        name: "exit_hook_of_env_decides_the_status",
        env: "import atexit\natexit.register(os._exit, 0)",
        edit: ("env.py", "os._exit, 0", "os._exit, 3"),
        ..SOUND
    },
    Case {
        name: "exit_hook_that_raises_decides_nothing",
        env: "import atexit\natexit.register(lambda: 1 / 0)",
        edit: ("env.py", "atexit.register(lambda: 1 / 0)", "1 / 0"),
        ..SOUND
    },
    Case {
        name: "env_ends_with_status_zero_at_once",
        env: "import sys\nsys.exit(0)",
        edit: ("env.py", "sys.exit(0)", "sys.exit(3)"),
        // That nothing was run is red.
        gate: Some((Upgrade, Upgrade)),
        ..SOUND
    },
    Case {
        name: "env_ends_with_status_zero_at_its_end",
        end: "import sys\nsys.exit(0)",
        edit: ("env.py", "sys.exit(0)", "sys.exit('no')"),
        // The contract: `sys.exit(0)` is a failure.
        gate: Some((Upgrade, Upgrade)),
        ..SOUND
    },
    Case {
        name: "revision_leaves_the_process",
        up: "os._exit(0)",
        edit: (HEAD, "os._exit(0)", "os._exit(3)"),
        plain: (Downgrade, Upgrade),
        // `alembic_version` is checked.
        gate: Some((Upgrade, Upgrade)),
        ..SOUND
    },
    Case {
        name: "alarm_ends_the_process",
        up: "import signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0.1)\ntime.sleep(0.01)\n\
             signal.setitimer(signal.ITIMER_REAL, 0)",
        edit: (HEAD, "time.sleep(0.01)", "time.sleep(1)"),
        ..SOUND
    },
    Case {
        name: "signal_handlers_are_those_of_a_command",
        top: "import signal\n\
              assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n\
              assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n\
              assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL\n\
              assert signal.set_wakeup_fd(-1) == -1",
        edit: (HEAD, "(signal.SIGTERM) == signal.SIG_DFL", "(signal.SIGTERM) == signal.SIG_IGN"),
        ..SOUND
    },
    Case {
        name: "collector_has_its_usual_thresholds",
        top: "import gc\nassert gc.get_threshold() == (700, 10, 10), gc.get_threshold()\n\
              assert gc.isenabled()",
        edit: (HEAD, "assert gc.isenabled()", "assert not gc.isenabled()"),
        ..SOUND
    },
    Case {
        name: "warning_filters_are_the_usual_ones",
        top: "import warnings\nkinds = {f[2] for f in warnings.filters if f[0] == 'ignore'}\n\
              assert {DeprecationWarning, ImportWarning, ResourceWarning} <= kinds, kinds",
        edit: (HEAD, "assert {Dep", "assert {UserWarning, Dep"),
        ..SOUND
    },
    Case {
        name: "warning_becomes_an_error",
        env: "import warnings\nwarnings.simplefilter('error', DeprecationWarning)",
        up: "import warnings\nwarnings.warn('old', DeprecationWarning)",
        edit: ("env.py", "('error', Dep", "('ignore', Dep"),
        plain: (Upgrade, Pass),
        ..SOUND
    },
    Case {
        name: "output_that_cannot_be_encoded",
        up: "print(chr(0xe9), flush=True)",
        edit: (HEAD, "0xe9", "0xd800"),
        ..SOUND
    },
    Case {
        name: "environment_is_built_from_nothing",
        top: "names = {'PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'PGTZ', 'TMPDIR'}\n\
              assert set(os.environ) <= names | {'DATABASE_URL'}, sorted(os.environ)",
        edit: (HEAD, "'PATH', ", "'SHOP', "),
        ..SOUND
    },
    Case {
        name: "arguments_are_those_of_the_command",
        top: "import sys\nassert {'upgrade', 'downgrade'} & set(sys.argv), sys.argv",
        edit: (HEAD, "{'upgrade', 'downgrade'}", "{'stamp'}"),
        ..SOUND
    },
    Case {
        name: "options_are_those_of_the_command",
        env: "from alembic import context\nasked = context.config.cmd_opts\n\
              assert asked.cmd[0].__name__ in ('upgrade', 'downgrade'), asked\n\
              assert asked.sql is False and asked.x is None, asked",
        edit: ("env.py", "asked.sql is False", "asked.sql is True"),
        ..SOUND
    },
    Case {
        name: "main_module_is_alembic",
        top: "import __main__\nplace = os.path.splitext(os.path.abspath(__main__.__file__))[0]\n\
              assert 'alembic' in place.split('/')[-2:], place",
        edit: (HEAD, "assert 'alembic'", "assert 'shop'"),
        ..SOUND
    },
    Case {
        name: "input_is_at_its_end",
        up: "import sys\nassert sys.stdin.read() == ''",
        edit: (HEAD, "assert sys.stdin.read() == ''", "assert input() == ''"),
        ..SOUND
    },
    Case {
        name: "processes_are_forked",
        top: "import multiprocessing\nshop = 1",
        up: "with multiprocessing.get_context('fork').Pool(1) as pool:\n    \
             assert pool.map(abs, [-1]) == [shop]",
        edit: (HEAD, "shop = 1", "shop = 2"),
        ..SOUND
    },
    Case {
        name: "processes_are_spawned",
        top: "import multiprocessing\nshop = 1",
        up: "with multiprocessing.get_context('spawn').Pool(1) as pool:\n    \
             assert pool.map(abs, [-1]) == [shop]",
        edit: (HEAD, "shop = 1", "shop = 2"),
        ..SOUND
    },
];
