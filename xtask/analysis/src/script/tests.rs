//! Declarations of a file, in the spellings of real projects.

use super::*;
use expect_test::{Expect, expect};

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect!` is written in the call")]
fn check(name: &str, text: &str, expected: Expect) {
    let (script, mut troubles) = Script::read(Utf8Path::new(name), text.as_bytes());
    if troubles.is_empty() {
        troubles.extend(script.as_ref().and_then(Script::syntax));
    }
    let mut out = String::new();
    if let Some(script) = script {
        let names = |field: &Field| {
            field.names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(" ")
        };
        out += &format!(
            "{} <- [{}] labels [{}] needs [{}]\n",
            script.revision.text,
            names(&script.down_revision),
            names(&script.branch_labels),
            names(&script.depends_on)
        );
    }
    for trouble in troubles {
        let line = trouble.line.map_or(String::new(), |line| format!(":{line}"));
        out += &format!("{}{line} {}\n", trouble.code.id, trouble.message);
    }
    expected.assert_eq(&out);
}

#[test]
fn the_spellings_that_alembic_takes() {
    check(
        "a.py",
        "revision = 'a'\ndown_revision = None\n",
        expect![[r#"
        a <- [] labels [] needs []
    "#]],
    );
    check(
        "a.py",
        "revision: str = 'a'\ndown_revision: Union[str, None] = ('b', \"c\")\n\
         branch_labels = ['x']\ndepends_on = 'y',\n",
        expect![[r#"
            a <- [b c] labels [x] needs [y]
        "#]],
    );
    check(
        "a.py",
        "revision = 'a'\ndown_revision = [None]\n",
        expect![[r#"
        a <- [] labels [] needs []
    "#]],
    );
    check(
        "0a1.py",
        "down_revision = '0a0'\n",
        expect![[r#"
        0a1 <- [0a0] labels [] needs []
    "#]],
    );
}

#[test]
fn unknown_fields_are_reported() {
    check(
        "a.py",
        "import x\n\nrevision = x.id()\ndown_revision = None\n",
        expect![[r#"
        MG200:3 `revision` is computed at run time in line 3
    "#]],
    );
    check(
        "a.py",
        "revision = 'a'\ndown_revision = f()\n",
        expect![[r#"
        a <- [] labels [] needs []
        MG200:2 `down_revision` is computed at run time in line 2
    "#]],
    );
    check(
        "a.py",
        "from x import *\n",
        expect![[r#"
        MG200:1 `revision` is not set here; the `import *` may bring it along
    "#]],
    );
}

#[test]
fn fields_that_alembic_refuses_are_refused() {
    check(
        "helpers.py",
        "x = 1\n",
        expect![[r#"
        MG201 it sets no `revision`, and Alembic takes every `.py` file here for one
    "#]],
    );
    check(
        "a.py",
        "revision = 'a'\n",
        expect![[r#"
        a <- [] labels [] needs []
        MG201:1 it has a `revision` and no `down_revision`: Alembic needs both
    "#]],
    );
    check(
        "a.py",
        "revision = 1\ndown_revision = 2\n",
        expect![[r#"
        MG201:1 `revision` is not a string
    "#]],
    );
    check(
        "a.py",
        "revision = 'a'\ndown_revision = 2\n",
        expect![[r#"
        a <- [] labels [] needs []
        MG201:2 `down_revision` is neither a string, a list of strings nor None
    "#]],
    );
    check(
        "a.py",
        "revision = 'a'\n=======\ndown_revision = None\n",
        expect![[r#"
        a <- [] labels [] needs []
        MG202:2 the text is no valid Python here, so Alembic cannot load the file
    "#]],
    );
    check(
        "a.py",
        "revision = '\0'\n",
        expect![[r#"
        MG202:1 Alembic cannot load the file: it holds a NUL byte, line 1
    "#]],
    );
}

/// The skimmer, if it succeeds, finds the same as the parser.
#[track_caller]
fn skims(text: &str, expected: bool) {
    let module = Module::parse(text.as_bytes()).unwrap();
    let constants = module.constants();
    let (_, skim) = Module::skim(text.as_bytes(), &NAMES).unwrap();
    assert_eq!(skim.is_some(), expected, "{text}");
    let Some(skim) = skim else { return };
    for name in NAMES {
        let skimmed = skim.bound.iter().find(|(known, ..)| *known == name);
        let skimmed = skimmed.map(|(_, constant, line)| (Some(constant.clone()), *line));
        let parsed = constants.get(name).map(|b| (b.value.clone(), b.line));
        assert_eq!(skimmed, parsed, "{name} in {text}");
    }
    assert_eq!(skim.title, title(&module, &constants), "{text}");
}

#[test]
fn skimmed_fields_equal_parsed_fields() {
    let plain = "\"\"\"one\n\nRevision ID: a\n\"\"\"\nimport x\n\n# c\nrevision: str = 'a'  # c\n\
                 down_revision: Union[str, None] = (\n    'b',  \n \"c\",)\r\ndepends_on = None\n\n\n\
                 def upgrade():\n    revision = '''\nrevision = 1\n'''\n    x(\n'a')\n";
    skims(plain, true);
    skims("'one'\nrevision = ''\ndown_revision=[]", true);
    skims("revision = 'a'\nx = [\n  '#', # (\n]\ny = r'\\'' + \"'\"\n", true);
    for parsed in [
        "revision = 'a'; down_revision = 'b'\n",
        "revision, down_revision = 'a', 'b'\n",
        "revision = 'a'\nif x:\n    revision = 'b'\n",
        "revision = 'a'\nrevision = 'b'\n",
        "revision = 'a' 'b'\n",
        "revision = 'a' \\\n  'b'\n",
        "revision = 'a\\x41'\n",
        "revision = ('a')\ndown_revision = ('a' 'b',)\n",
        "revision = '''a'''\n",
        "revision = x\n",
        "from x import *\nrevision = 'a'\n",
        "from x import revision\n",
        "def revision():\n    pass\n",
        "revision = 'a'\nx = revision.y\n",
        "x = '''\nrevision = 'a'\n",
    ] {
        skims(parsed, false);
    }
}

#[test]
fn without_bodies_differs_only_in_what_alembic_runs_on_reading() {
    let text = "# coding: utf-8\nimport os\n\ndef upgrade(x=1):\n    op.f()\n\n\nTAIL = 1\n";
    let same = [
        text.replace("op.f()", "# why\n    op.g()"),
        format!("{text}\n# a comment at the end\n"),
        text.replace("\n\n\nTAIL", "\n# between\nTAIL"),
    ];
    for other in &same {
        assert_eq!(without_bodies(other), without_bodies(text), "{other}");
    }
    let differs = [
        text.replace("x=1", "x=2"),
        text.replace("TAIL = 1", "TAIL = 2"),
        text.replace("utf-8", "latin-1"),
        text.replace("upgrade", "helper").replace("op.f()", "op.g()"),
        text.replace("import os", "@op.decorated"),
    ];
    for other in &differs {
        assert_ne!(without_bodies(other), without_bodies(text), "{other}");
    }
}
