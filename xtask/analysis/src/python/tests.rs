//! One `check(text, expected)` for each thing that a file can say.

use super::{Constant, Env, Module, Unreadable, Value};

fn module(text: &str) -> Module {
    Module::parse(text.as_bytes()).unwrap()
}

/// The value of `x` at the end of a file, in short form.
fn x(text: &str) -> String {
    let module = module(text);
    let env: Env<'_> = module.constants();
    match env.get("x") {
        None => "unbound".into(),
        Some(binding) => match &binding.value {
            None => format!("unknown, line {}", binding.line),
            Some(constant) => show(constant),
        },
    }
}

fn show(constant: &Constant) -> String {
    let list = |all: &[Constant]| all.iter().map(show).collect::<Vec<_>>().join(", ");
    match &constant.value {
        Value::None => "None".into(),
        Value::Bool(yes) => yes.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::Partial(text) => format!("~{text:?}"),
        Value::Tuple(all) => format!("({})", list(all)),
        Value::List(all) => format!("[{}]", list(all)),
    }
}

#[test]
fn literals() {
    for (text, expected) in [
        ("x = 'a'", r#""a""#),
        ("x: str = \"a\"", r#""a""#),
        ("x: Union[str, None] = None", "None"),
        ("x = u'a' # comment", r#""a""#),
        ("x = r'\\d'", r#""\\d""#),
        ("x = '\\x41\\101\\u0042\\n\\q'", r#""AAB\n\\q""#),
        ("x = 'a\\\nb'", r#""ab""#),
        ("x = '''a\r\nb'''", r#""a\nb""#),
        ("x = 'a' \"b\" r'c'", r#""abc""#),
        ("x = ('a'  # one\n  'b')", r#""ab""#),
        ("x = ('a', 'b',)", r#"("a", "b")"#),
        ("x = 'a', 'b'", r#"("a", "b")"#),
        ("x = ['a', # one\n 'b']", r#"["a", "b"]"#),
        ("x = ()", "()"),
        ("x = 0x1_0", "16"),
        ("x = True", "true"),
        ("x = '' 'ü'", r#""ü""#),
    ] {
        assert_eq!(x(text), expected, "{text}");
    }
}

#[test]
fn names_sums_and_f_strings() {
    for (text, expected) in [
        ("a = '1'\nx = a", r#""1""#),
        ("a = '1'\nx = a + '2' + a", r#""121""#),
        ("a = '1'\nx = f'{a}-{a!r}'", "~\"1-\u{fffc}\""),
        ("a = '1'\nx = f'{{{a}}}'", r#""{1}""#),
        ("a = '1'\nx = f'{a}' 'b'", r#""1b""#),
        ("a = 1\nx = f'v{a}'", r#""v1""#),
        ("a = 1\nx = f'v{a:03}'", "~\"v\u{fffc}\""),
        ("a = 1\nx = f'{a=}'", "~\"\u{fffc}\""),
        ("x = f'v{f()}'", "~\"v\u{fffc}\""),
        ("x = 'a' + f()", "~\"a\u{fffc}\""),
        ("a, x = '1', '2'", r#""2""#),
        ("a = x = '1'", r#""1""#),
        ("x = 'a'\nx += 'b'", r#""ab""#),
        ("x = ('a',) + ('b',)", r#"("a", "b")"#),
        ("a = ['1']\nx = (*a, '2')", r#"("1", "2")"#),
        ("x = 'a'; y = 1", r#""a""#),
        ("(x := 'a')", "unknown, line 1"),
    ] {
        assert_eq!(x(text), expected, "{text}");
    }
}

#[test]
fn computed_values_are_unknown_with_their_line() {
    for (text, line) in [
        ("\nx = f()", 2),
        ("x = 'a'\nif y:\n    x = 'b'", 3),
        ("try:\n    x = 'b'\nexcept E:\n    pass", 2),
        ("from a import b as x", 1),
        ("import x.y", 1),
        ("def x():\n    pass", 1),
        ("@d\ndef x():\n    pass", 2),
        ("for x in y:\n    pass", 1),
        ("with y as x:\n    pass", 1),
        ("x = '\\ud800'", 1),
        ("x = b'a'", 1),
        ("x = 'a' % y", 1),
        ("x = ['a']\nx[0] = 'b'", 2),
        ("x = 'a' if y else 'b'", 1),
    ] {
        assert_eq!(x(text), format!("unknown, line {line}"), "{text}");
    }
}

#[test]
fn unbound_names_have_no_value() {
    for text in ["", "x: str", "y = 1", "x = 1\ndel x", "def f():\n    x = 1", "x == 1", "# x = 1"]
    {
        assert_eq!(x(text), "unbound", "{text}");
    }
    assert_eq!(module("from a import *").constants().star_import(), Some(1));
}

#[test]
fn a_value_knows_its_line_and_its_bytes() {
    let module = module("a = 1\nx = (\n    'p',\n    'q'\n)\n");
    let env = module.constants();
    let constant = env.value("x").unwrap();
    let inner = &constant.elements().unwrap()[1];
    assert_eq!((constant.line, inner.line), (2, 4));
    assert_eq!(module.slice(inner.bytes.clone()), "'q'");
}

#[test]
fn every_file_gets_an_answer() {
    let error = |bytes: &[u8]| Module::parse(bytes).err();
    assert_eq!(error(b"a = 1\nb = '\0'"), Some(Unreadable::Nul(2)));
    assert_eq!(error(b"a = 1\nb = '\xff'"), Some(Unreadable::NotInEncoding(2)));
    assert_eq!(error(b"# coding: latin-1\nx = '\xff'"), None);
    assert_eq!(
        error(b"# -*- coding: koi8-r -*-\nx = '\xff'"),
        Some(Unreadable::UnknownEncoding("koi8-r".into()))
    );
    assert_eq!(error(&vec![b'#'; 17 << 20]), Some(Unreadable::TooLarge));
    assert_eq!(error("(".repeat(100_000).as_bytes()), Some(Unreadable::TooDeep(1)));
    assert_eq!(x("\u{feff}x = 'a'"), r#""a""#);
    assert_eq!(x("y = 1\rx = 'a'\r"), r#""a""#);
    let deep = format!("x = {}'a'{}", "(".repeat(150), ")".repeat(150));
    assert_eq!(x(&deep), "unknown, line 1");
    assert_eq!(x(&format!("x = 'a'{}", " + 'b'".repeat(5000))).len(), 5003);
    let doubled = format!("x = 'a'\n{}", "x = x + x\n".repeat(60));
    assert_eq!(x(&doubled), "unknown, line 61");
    let indented: String = (0..2000).map(|n| format!("{}if a:\n", " ".repeat(n))).collect();
    assert_eq!(x(&indented), "unbound");
    assert_eq!(x(&format!("x = {}a", "not ".repeat(100_000))), "unknown, line 1");
}

#[test]
fn broken_text_is_given_up_in_time() {
    let pieces =
        ["(", "[", "{", ")", "'", "\"", "\\ ", "\n", ":", "=", "a b", "if ", "def ", "class "];
    let mut seed = 1_u32;
    let mut text = String::from("revision = 'a'\n");
    while text.len() < 300_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(pieces[(seed >> 16) as usize % pieces.len()]);
    }
    let started = std::time::Instant::now();
    let broken =
        Module::parse(text.as_bytes()).map_or(true, |module| module.syntax_error().is_some());
    let took = started.elapsed().as_secs();
    assert!(broken && took < 20, "took {took} s");
}

#[test]
fn the_first_broken_line_is_named() {
    assert_eq!(module("a = 1\n").syntax_error(), None);
    assert_eq!(module("a = 1\nb = = 2\nc = 3").syntax_error(), Some(2));
    assert_eq!(module("a = 1\n<<<<<<< HEAD\nb = 2\n").syntax_error(), Some(2));
}

#[test]
fn the_docstring_is_the_first_statement() {
    let text = |source: &str| {
        let module = module(source);
        module.docstring().map(|node| module.text(node).to_owned())
    };
    assert_eq!(text("# c\n\"\"\"d\"\"\"\nx = 1").as_deref(), Some("\"\"\"d\"\"\""));
    assert_eq!(text("x = 1\n'd'"), None);
}
