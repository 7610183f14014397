-- What the catalogue says of the relations that an application can use, as one JSON object: `Catalog` in `model/production.rs`.
WITH own AS (
  SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), tables AS (
  SELECT * FROM own WHERE relkind IN ('r', 'p', 'v', 'm') AND relname <> ALL (gate_version_tables)
)
SELECT json_build_object(
  'relations', (SELECT coalesce(json_agg(json_build_object('oid', c.oid::int8, 'name', c.oid::regclass::text, 'kind', c.relkind, 'node', c.relfilenode::int8,
      'of', i.indrelid::int8, 'parent', p.inhparent::int8, 'populated', c.relispopulated) ORDER BY c.oid), '[]')
    FROM own c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_inherits p ON p.inhrelid = c.oid
    WHERE c.oid IN (SELECT oid FROM tables) OR i.indrelid IN (SELECT oid FROM tables)),
  'columns', (SELECT coalesce(json_agg(json_build_object('of', c.oid::int8, 'number', a.attnum, 'name', a.attname,
      'type', CASE WHEN a.attisdropped THEN '' ELSE format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attcollation <> t.typcollation
        THEN ' COLLATE ' || (SELECT quote_ident(collname) FROM pg_collation WHERE oid = a.attcollation) ELSE '' END END,
      'dropped', a.attisdropped, 'required', c.relkind IN ('r', 'p') AND (a.attnotnull OR coalesce(t.typnotnull, false)) AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL,
      'generated', a.attgenerated <> '' OR a.attidentity = 'a',
      'numeric', coalesce((CASE t.typtype WHEN 'd' THEN (SELECT b.typcategory FROM pg_type b WHERE b.oid = t.typbasetype) ELSE t.typcategory END) = 'N', false),
      'comparable', EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod WHERE m.amname = 'btree' AND o.opcdefault
          AND o.opcintype IN (t.oid, t.typbasetype, CASE WHEN t.typcategory = 'S' THEN 'text'::regtype END, CASE t.typtype WHEN 'e' THEN 'anyenum'::regtype WHEN 'r' THEN 'anyrange'::regtype END, CASE WHEN t.typcategory = 'A' THEN 'anyarray'::regtype END)))
      ORDER BY c.oid, a.attnum), '[]')
    FROM tables c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_type t ON t.oid = a.atttypid),
  'keys', (SELECT coalesce(json_agg(json_build_object('name', x.relname, 'of', i.indrelid::int8,
      'columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num WHERE k.n <= i.indnkeyatts))
      ORDER BY i.indisprimary DESC, i.indexrelid), '[]')
    FROM pg_index i JOIN tables c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p') JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate),
  'foreign', (SELECT coalesce(json_agg(jsonb_build_array(f.oid::int8, f.conrelid::int8, f.confrelid::int8)), '[]') FROM pg_constraint f WHERE f.contype = 'f'),
  'reads', (SELECT coalesce(json_agg(DISTINCT jsonb_build_array(v.ev_class::int8, d.refobjid::int8)), '[]')
    FROM pg_rewrite v JOIN tables c ON c.oid = v.ev_class
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = v.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.ev_class),
  'triggered', (SELECT coalesce(json_agg(DISTINCT t.tgrelid::int8), '[]') FROM pg_trigger t JOIN tables c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal),
  'labels', (SELECT coalesce(json_agg(json_build_array(t.oid::regtype::text, e.enumlabel) ORDER BY t.oid, e.enumsortorder), '[]')
    FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname !~ '^pg_' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')),
  'roles', (SELECT coalesce(json_agg(json_build_array(g.rolname, g.writes) ORDER BY g.rolname), '[]') FROM (
    SELECT r.rolname, bool_or(a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')) AS writes
      FROM tables c CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
     WHERE a.grantee <> c.relowner AND NOT r.rolsuper GROUP BY r.rolname) g)
)::text
