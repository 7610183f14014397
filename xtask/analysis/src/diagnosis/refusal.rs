//! Downgrade that ends in a `raise`: the author refuses the way back, with any exception.

use crate::fix;
use crate::python::Module;

/// Whether the line is the `raise` that a `downgrade()` with this text ends in.
pub fn refuses(text: &str, line: u32) -> bool {
    Module::parse(text.as_bytes()).is_ok_and(|module| fix::is_last_raise(&module, line))
}

#[cfg(test)]
mod tests {
    use super::refuses;

    #[test]
    fn a_raise_with_nothing_after_it_is_a_refusal() {
        let text = |body: &str| format!("def downgrade():\n    {body}\n");
        assert!(refuses(&text("raise RuntimeError(\n        'restore a backup')"), 2));
        assert!(refuses(&text("raise RuntimeError('restore a backup')  # there is none"), 2));
        assert!(!refuses(&text("raise RuntimeError('no')\n    op.drop_table('t')"), 2));
        assert!(!refuses(&text("if x:\n        raise RuntimeError('no')"), 3));
        assert!(!refuses(&text("op.drop_table('t')"), 2));
        assert!(!refuses("def upgrade():\n    raise RuntimeError\n", 2));
    }
}
