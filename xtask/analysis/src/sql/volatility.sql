-- Writes `volatility.rs` from the catalogue of the server that it runs on, which must be a
-- Postgres 15: psql -X -A -t -f volatility.sql -o volatility.rs
-- A test in xtask/tests compares the file with what this prints.

\set ON_ERROR_STOP on

CREATE TEMPORARY VIEW calls AS
SELECT p.proname AS name,
       (SELECT coalesce(string_agg(format('"%s"', t.typname), ', ' ORDER BY a.i), '')
        FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, i)
        JOIN pg_type t ON t.oid = a.type) AS types,
       p.provolatile = 'i' AS is_immutable
FROM pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f'
  -- What no statement can call.
  AND NOT ARRAY['internal', 'trigger', 'event_trigger', 'cstring']::regtype[]
      && (p.proargtypes::oid[] || p.prorettype)::regtype[];

SELECT '//! What of Postgres 15''s own is not immutable.
//!
//! Long because it is generated: `volatility.sql` beside this file writes it
//! from the catalogue.

/// Functions of which no overload is immutable.
pub static NEVER_IMMUTABLE: &[&str] = &[';
SELECT format('    "%s",', name) FROM calls GROUP BY name HAVING NOT bool_or(is_immutable)
ORDER BY name COLLATE "C";
SELECT '];

/// Functions with overloads of both kinds: name, types of the arguments, whether immutable.
#[rustfmt::skip]
pub static OVERLOADS: &[(&str, &[&str], bool)] = &[';
SELECT format('    ("%s", &[%s], %s),', name, types, is_immutable::text)
FROM calls
WHERE name IN (SELECT name FROM calls GROUP BY name
               HAVING bool_or(is_immutable) AND NOT bool_and(is_immutable))
  -- Only the planner of window frames calls it.
  AND name <> 'in_range'
ORDER BY name COLLATE "C", types COLLATE "C";
SELECT '];

/// Casts that are not immutable: from, to.
#[rustfmt::skip]
pub static CASTS: &[(&str, &str)] = &[';
SELECT format('    ("%s", "%s"),', s.typname, t.typname)
FROM pg_cast c JOIN pg_proc p ON p.oid = c.castfunc
JOIN pg_type s ON s.oid = c.castsource JOIN pg_type t ON t.oid = c.casttarget
WHERE p.provolatile <> 'i'
ORDER BY s.typname COLLATE "C", t.typname COLLATE "C";
SELECT '];

/// Casts that the catalogue knows, of either kind: what is not here goes through text.
#[rustfmt::skip]
pub static CASTS_WITH_TEXT: &[(&str, &str)] = &[';
SELECT format('    ("%s", "%s"),', s.typname, t.typname)
FROM pg_cast c
JOIN pg_type s ON s.oid = c.castsource JOIN pg_type t ON t.oid = c.casttarget
WHERE (s.typname IN ('text', 'varchar', 'bpchar') OR t.typname IN ('text', 'varchar', 'bpchar'))
ORDER BY s.typname COLLATE "C", t.typname COLLATE "C";
SELECT '];

/// Operators that are not immutable: operator, left, right.
#[rustfmt::skip]
pub static OPERATORS: &[(&str, &str, &str)] = &[';
SELECT format('    ("%s", "%s", "%s"),', o.oprname, l.typname, r.typname)
FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
JOIN pg_type l ON l.oid = o.oprleft JOIN pg_type r ON r.oid = o.oprright
WHERE p.provolatile <> 'i' AND l.typname NOT LIKE 'any%' AND r.typname NOT LIKE 'any%'
ORDER BY o.oprname COLLATE "C", l.typname COLLATE "C", r.typname COLLATE "C";
SELECT '];

/// Types whose text depends on a setting: a cast between them and text is not immutable.
pub static TEXT_DEPENDS_ON_SETTINGS: &[&str] = &[';
SELECT format('    "%s",', t.typname)
FROM pg_type t JOIN pg_proc i ON i.oid = t.typinput JOIN pg_proc o ON o.oid = t.typoutput
WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typelem = 0
  AND (i.provolatile <> 'i' OR o.provolatile <> 'i')
ORDER BY t.typname COLLATE "C";
SELECT '];';
