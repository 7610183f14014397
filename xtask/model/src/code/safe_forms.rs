//! Safe forms: ways to write a change without long locks and without breaking the running version.
//! `tests/production/corpus.rs` runs each on the measured schema.

use super::entry::Code;
use super::production::{BREAKS_RUNNING, WHO_WAITS, WHOLE_TABLE};

/// A change in a form that is a hazard, and in one that is none.
#[derive(Clone, Copy, Debug)]
pub struct SafeForm {
    /// The code of the hazard.
    pub code: &'static Code,
    /// The change.
    pub what: &'static str,
    /// Body of an `upgrade()` that has the hazard.
    pub bad: &'static str,
    /// Body of an `upgrade()` that makes the same change without the fault.
    pub good: &'static str,
    /// Body of the `downgrade()` of that.
    pub back: &'static str,
}

/// All safe forms, by code.
pub static SAFE_FORMS: &[SafeForm] = &[
    SafeForm {
        code: &WHO_WAITS,
        what: "an index",
        bad: "op.create_index(\"ix_orders_ref\", \"orders\", [\"ref\"])",
        good: "\
with op.get_context().autocommit_block():
    op.create_index(\"ix_orders_ref\", \"orders\", [\"ref\"], postgresql_concurrently=True)",
        back: "\
with op.get_context().autocommit_block():
    op.drop_index(\"ix_orders_ref\", table_name=\"orders\", postgresql_concurrently=True)",
    },
    SafeForm {
        code: &WHO_WAITS,
        what: "a unique constraint",
        bad: "op.create_unique_constraint(\"uq_products_title\", \"products\", [\"title\", \"id\"])",
        good: "\
with op.get_context().autocommit_block():
    op.create_index(\"uq_products_title\", \"products\", [\"title\", \"id\"], unique=True, postgresql_concurrently=True)
op.execute(\"ALTER TABLE products ADD CONSTRAINT uq_products_title UNIQUE USING INDEX uq_products_title\")",
        back: "op.drop_constraint(\"uq_products_title\", \"products\", type_=\"unique\")",
    },
    SafeForm {
        code: &WHO_WAITS,
        what: "a check",
        bad: "op.create_check_constraint(\"ck_products_weight\", \"products\", \"weight >= 0\")",
        good: "\
op.create_check_constraint(\"ck_products_weight\", \"products\", \"weight >= 0\", postgresql_not_valid=True)
with op.get_context().autocommit_block():
    op.execute(\"ALTER TABLE products VALIDATE CONSTRAINT ck_products_weight\")",
        back: "op.drop_constraint(\"ck_products_weight\", \"products\", type_=\"check\")",
    },
    SafeForm {
        code: &WHO_WAITS,
        what: "a foreign key",
        bad: "op.create_foreign_key(\"fk_orders_number\", \"orders\", \"orders\", [\"customer_id\"], [\"id\"])",
        good: "\
op.create_foreign_key(\"fk_orders_number\", \"orders\", \"orders\", [\"customer_id\"], [\"id\"], postgresql_not_valid=True)
with op.get_context().autocommit_block():
    op.execute(\"ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_number\")",
        back: "op.drop_constraint(\"fk_orders_number\", \"orders\", type_=\"foreignkey\")",
    },
    SafeForm {
        code: &WHO_WAITS,
        what: "NOT NULL, with a default for versions that give no value",
        bad: "op.alter_column(\"products\", \"weight\", nullable=False)",
        good: "\
op.alter_column(\"products\", \"weight\", server_default=\"0\")
op.create_check_constraint(\"ck_weight\", \"products\", \"weight IS NOT NULL\", postgresql_not_valid=True)
with op.get_context().autocommit_block():
    op.execute(\"ALTER TABLE products VALIDATE CONSTRAINT ck_weight\")
op.alter_column(\"products\", \"weight\", nullable=False)
op.drop_constraint(\"ck_weight\", \"products\", type_=\"check\")",
        back: "op.alter_column(\"products\", \"weight\", nullable=True, server_default=None)",
    },
    SafeForm {
        code: &WHO_WAITS,
        what: "another type: a new column beside the old one, swapped in a later revision",
        bad: "op.alter_column(\"orders\", \"number\", type_=sa.BigInteger)",
        good: "op.add_column(\"orders\", sa.Column(\"number_big\", sa.BigInteger))",
        back: "op.drop_column(\"orders\", \"number_big\")",
    },
    SafeForm {
        code: &WHOLE_TABLE,
        what: "a backfill, in batches with a commit each",
        bad: "\
op.add_column(\"orders\", sa.Column(\"channel\", sa.Text))
op.execute(\"UPDATE orders SET channel = 'web'\")",
        good: "\
op.add_column(\"orders\", sa.Column(\"channel\", sa.Text))
with op.get_context().autocommit_block():
    batch = sa.text(\"UPDATE orders SET channel = 'web' WHERE id IN (SELECT id FROM orders WHERE channel IS NULL LIMIT 1000)\")
    while op.get_bind().execute(batch).rowcount:
        pass",
        back: "op.drop_column(\"orders\", \"channel\")",
    },
    SafeForm {
        code: &BREAKS_RUNNING,
        what: "another name: a new column, which both versions write until no version reads the old one",
        bad: "op.alter_column(\"orders\", \"note\", new_column_name=\"remark\")",
        good: "op.add_column(\"orders\", sa.Column(\"remark\", sa.Text))",
        back: "op.drop_column(\"orders\", \"remark\")",
    },
    SafeForm {
        code: &BREAKS_RUNNING,
        what: "a column that must have a value",
        bad: "op.add_column(\"orders\", sa.Column(\"channel\", sa.Text, nullable=False, server_default=\"web\"))\nop.alter_column(\"orders\", \"channel\", server_default=None)",
        good: "op.add_column(\"orders\", sa.Column(\"channel\", sa.Text, nullable=False, server_default=\"web\"))",
        back: "op.drop_column(\"orders\", \"channel\")",
    },
];

/// The safe forms of a code.
pub fn safe_forms(code: &Code) -> impl Iterator<Item = &'static SafeForm> {
    let id = code.id;
    SAFE_FORMS.iter().filter(move |form| form.code.id == id)
}
