-- The tables of some names, with those that they point to, that views of these names read, and whose
-- parts they are, and, where that is asked for, those that point to them; one JSON object each, as `model/rows.rs` reads it.
PREPARE gate_tables (name[], name[], name[]) AS
WITH RECURSIVE named AS (
  SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     AND ($1 IS NULL OR c.relname = ANY ($1))
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), wanted AS (
  SELECT oid FROM named
  UNION
  SELECT f.conrelid FROM named n JOIN pg_class p ON p.oid = n.oid JOIN pg_constraint f ON f.confrelid = n.oid AND f.contype = 'f' WHERE p.relname = ANY ($2)
  UNION
  SELECT r.oid FROM wanted w, LATERAL (
    SELECT confrelid FROM pg_constraint WHERE conrelid = w.oid AND contype = 'f'
    UNION ALL
    SELECT d.refobjid FROM pg_rewrite v JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = v.oid AND d.refclassid = 'pg_class'::regclass WHERE v.ev_class = w.oid
    UNION ALL
    SELECT i.inhparent FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.oid = w.oid AND c.relispartition
  ) AS r(oid)
)
SELECT json_build_object(
  'name', c.oid::regclass::text,
  'is_partition', c.relispartition,
  'touched', c.oid IN (SELECT oid FROM named),
  'bounds', CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(json_agg(pg_get_expr(p.relpartbound, p.oid)), '[]') FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid WHERE p.relpartbound IS NOT NULL AND p.oid <> c.oid) END,
  'partition_columns', (SELECT coalesce(json_agg(DISTINCT a.attname), '[]') FROM pg_partition_tree(c.oid) t JOIN pg_partitioned_table p ON p.partrelid = t.relid CROSS JOIN unnest(p.partattrs::int2[]) k JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k WHERE c.relkind = 'p'),
  'columns', (
    SELECT coalesce(json_agg(json_build_object(
      'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod),
      'base', format_type(b.oid, NULL),
      'modifier', CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
      'not_null', a.attnotnull OR t.typnotnull,
      -- A volatile function, such as gen_random_uuid, in a default that no row goes without. Of a date or a
      -- time, two rows may have the same.
      'counted', coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) OR a.attidentity <> ''
        OR a.attnotnull AND b.typcategory <> 'D' AND EXISTS (
          SELECT FROM regexp_matches(pg_get_expr(d.adbin, d.adrelid), '(\w+)\(', 'g') AS called (name)
          JOIN pg_proc p ON p.proname = called.name[1] AND p.provolatile = 'v'),
      'generated', a.attgenerated <> '' OR a.attidentity = 'a',
      'labels', (SELECT coalesce(json_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM pg_enum e WHERE e.enumtypid = b.oid),
      'element', CASE WHEN b.typcategory = 'A' THEN format_type(b.typelem, NULL) END,
      'range_of', (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = b.oid),
      'checks', (SELECT coalesce(json_agg(pg_get_expr(k.conbin, 0)), '[]') FROM pg_constraint k WHERE k.contypid = a.atttypid)
    ) ORDER BY a.attnum), '[]')
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = (WITH RECURSIVE base(oid, typtype, typbasetype) AS (SELECT t.oid, t.typtype, t.typbasetype UNION ALL SELECT n.oid, n.typtype, n.typbasetype FROM base JOIN pg_type n ON n.oid = base.typbasetype WHERE base.typtype = 'd') SELECT oid FROM base WHERE base.typtype <> 'd')
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'checks', (SELECT coalesce(json_agg(json_build_object('expression', pg_get_expr(k.conbin, k.conrelid), 'columns', (SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)))), '[]') FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c'),
  'keys', (SELECT coalesce(json_agg((SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])) ORDER BY i.indisprimary DESC, i.indexrelid), '[]') FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique),
  'primary', (SELECT json_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum)) FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[]) WHERE i.indrelid = c.oid AND i.indisprimary),
  'foreign', (SELECT coalesce(json_agg(json_build_object('to', f.confrelid::regclass::text,
      'columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num),
      'referenced', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.num))), '[]')
    FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0)
)
FROM wanted w JOIN pg_class c ON c.oid = w.oid
 WHERE c.relkind IN ('r', 'p') AND c.relname <> ALL ($3)
 ORDER BY c.oid
