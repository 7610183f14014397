-- The whole schema of a database and the roles of its cluster, in one round trip.
--
-- Each query's first column says what kind of object a row is, its second which one, and every
-- further column is an attribute under its own name; NULL means that the object has none. Rows of
-- the same object are put together. Names are texts, never oids, and definitions are the server's.
-- Left out: what belongs to the system, to an extension, to another object (a table's row type).
--
-- What belongs to a relation has its `address`: the oid of the relation, and 0, the number of a column, or
-- an oid of its own. Of these only the relations are read whose oids are in $1. What has the address 'each time' is always read. Comments are asked for without `obj_description`, which starts an executor each time.
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
-- With no search path every name is rendered with its schema.
SET LOCAL search_path = '';
SET LOCAL quote_all_identifiers = off;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL timezone = 'UTC';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
SET LOCAL xmlbinary = 'base64';
SET LOCAL row_security = off;
-- A paused migration may hold a lock; then there is nothing to see yet, and that is said.
SET LOCAL lock_timeout = '2s';
SET LOCAL jit = off;
-- A plan is made once, for whatever is wanted.
SET LOCAL plan_cache_mode = force_generic_plan;

SELECT 'schema', quote_ident(nspname),
       pg_get_userbyid(nspowner) AS owner,
       array_to_string(coalesce(nspacl, acldefault('n', nspowner)), E'\n') AS privileges,
       (SELECT description FROM pg_description WHERE objoid = oid AND classoid = 'pg_namespace'::regclass AND objsubid = 0) AS comment
  FROM pg_namespace n
 WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
   AND n.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
       c.oid::regclass::text, c.oid || ' 0' AS address,
       (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS "column order",
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
       CASE WHEN c.relkind = 'm' AND c.relispopulated THEN 'WITH DATA' END AS populated,
       CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' WHEN 't' THEN 'TEMPORARY' END AS persistence,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS "partition key",
       (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid) AS parents,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS "partition bound",
       CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS "of type",
       (SELECT amname FROM pg_am WHERE oid = c.relam) AS "access method",
       (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace) AS tablespace,
       array_to_string(c.reloptions, ', ') AS options,
       (SELECT array_to_string(t.reloptions, ', ') FROM pg_class t WHERE t.oid = c.reltoastrelid) AS "toast options",
       CASE WHEN c.relrowsecurity THEN 'ENABLED' END AS "row level security",
       CASE WHEN c.relforcerowsecurity THEN 'FORCED' END AS "row level security of the owner",
       CASE c.relreplident WHEN 'd' THEN NULL WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL' WHEN 'i' THEN 'INDEX' END AS "replica identity",
       (SELECT s.srvname FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid) AS server,
       (SELECT array_to_string(f.ftoptions, ', ') FROM pg_foreign_table f WHERE f.ftrelid = c.oid) AS "foreign options",
       (SELECT count(*) || ' disabled' FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgisinternal AND t.tgenabled = 'D' HAVING count(*) > 0) AS "foreign key triggers",
       pg_get_userbyid(c.relowner) AS owner,
       array_to_string(coalesce(c.relacl, acldefault('r', c.relowner)), E'\n') AS privileges,
       (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_class'::regclass AND objsubid = 0) AS comment
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.oid = ANY ($1)
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'column', c.oid::regclass::text || '.' || quote_ident(a.attname), c.oid || ' ' || a.attnum AS address,
       format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END AS collation,
       CASE WHEN a.attnotnull THEN 'NOT NULL' END AS nullability,
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
       CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END AS identity,
       CASE a.attgenerated WHEN '' THEN NULL ELSE 'GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED' END AS generated,
       CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END AS storage,
       CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
       CASE WHEN a.attstattarget >= 0 THEN a.attstattarget::text END AS "statistics target",
       array_to_string(a.attoptions, ', ') AS options,
       array_to_string(a.attfdwoptions, ', ') AS "foreign options",
       CASE WHEN a.attinhcount > 0 AND a.attislocal THEN 'declared here too' WHEN a.attinhcount > 0 THEN 'inherited' END AS inheritance,
       array_to_string(a.attacl, E'\n') AS privileges,
       (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_class'::regclass AND objsubid = a.attnum) AS comment
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.oid = ANY ($1)
   AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'constraint', CASE WHEN o.conrelid <> 0 THEN o.conrelid::regclass::text ELSE o.contypid::regtype::text END || '.' || quote_ident(o.conname),
       nullif(o.conrelid, 0) || ' ' || o.oid AS address, pg_get_constraintdef(o.oid) AS definition,
       CASE WHEN o.coninhcount > 0 AND o.conislocal THEN 'declared here too' WHEN o.coninhcount > 0 THEN 'inherited' END AS inheritance,
       CASE WHEN o.conrelid <> 0 AND i.indexrelid IS NOT NULL THEN pg_get_indexdef(i.indexrelid) END AS index,
       CASE WHEN NOT i.indisvalid THEN 'INVALID' END AS validity,
       CASE WHEN i.indisclustered THEN 'CLUSTER' END AS clustered,
       CASE WHEN i.indisreplident THEN 'REPLICA IDENTITY' END AS "replica identity",
       (SELECT spcname FROM pg_tablespace WHERE oid = ic.reltablespace) AS tablespace,
       (SELECT description FROM pg_description WHERE objoid = ic.oid AND classoid = 'pg_class'::regclass AND objsubid = 0) AS "comment of its index",
       (SELECT description FROM pg_description WHERE objoid = o.oid AND classoid = 'pg_constraint'::regclass AND objsubid = 0) AS comment
  FROM pg_constraint o
  JOIN pg_namespace n ON n.oid = o.connamespace
  LEFT JOIN pg_index i ON i.indexrelid = o.conindid AND o.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_class ic ON ic.oid = i.indexrelid
 WHERE o.contype <> 't' AND o.conrelid = ANY ($1 || 0::oid)
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND o.conrelid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e')
   AND o.contypid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'index', i.indexrelid::regclass::text, i.indrelid || ' ' || i.indexrelid AS address,
       pg_get_indexdef(i.indexrelid) AS definition,
       i.indrelid::regclass::text AS "of",
       CASE WHEN NOT (i.indisvalid AND i.indisready AND i.indislive) THEN 'INVALID' END AS validity,
       CASE WHEN i.indisclustered THEN 'CLUSTER' END AS clustered,
       CASE WHEN i.indisreplident THEN 'REPLICA IDENTITY' END AS "replica identity",
       (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = i.indexrelid) AS parents,
       (SELECT string_agg(a.attnum || ': ' || a.attstattarget, ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0) AS "statistics target",
       (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace) AS tablespace,
       (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_class'::regclass AND objsubid = 0) AS comment
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indrelid = ANY ($1) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conrelid = i.indrelid AND o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
   AND i.indrelid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'sequence', s.seqrelid::regclass::text, s.seqrelid || ' 0' AS address,
       format_type(s.seqtypid, NULL) AS type,
       s.seqstart::text AS start, s.seqincrement::text AS increment,
       s.seqmin::text AS minimum, s.seqmax::text AS maximum, s.seqcache::text AS cache,
       CASE WHEN s.seqcycle THEN 'CYCLE' END AS cycle,
       CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END AS persistence,
       (SELECT CASE d.deptype WHEN 'i' THEN 'identity of ' ELSE '' END || d.refobjid::regclass::text || '.' || quote_ident(a.attname)
          FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass LIMIT 1) AS "owned by",
       pg_get_userbyid(c.relowner) AS owner,
       array_to_string(coalesce(c.relacl, acldefault('s', c.relowner)), E'\n') AS privileges,
       (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_class'::regclass AND objsubid = 0) AS comment
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE s.seqrelid = ANY ($1) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       p.oid::regprocedure::text,
       CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END AS definition,
       CASE WHEN p.prokind = 'a' THEN pg_get_function_arguments(p.oid) || ' → ' || pg_get_function_result(p.oid) END AS signature,
       CASE a.aggkind WHEN 'o' THEN 'ordered set' WHEN 'h' THEN 'hypothetical set' END AS sort,
       a.aggtransfn::regproc::text AS "transition function", nullif(a.aggfinalfn, 0)::regproc::text AS "final function",
       nullif(a.aggcombinefn, 0)::regproc::text AS "combine function", nullif(a.aggserialfn, 0)::regproc::text AS "serial function",
       nullif(a.aggdeserialfn, 0)::regproc::text AS "deserial function", nullif(a.aggmtransfn, 0)::regproc::text AS "moving transition function",
       nullif(a.aggminvtransfn, 0)::regproc::text AS "moving inverse function", nullif(a.aggmfinalfn, 0)::regproc::text AS "moving final function",
       concat_ws(' ', a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify, a.aggmfinalmodify) AS "final modes",
       nullif(a.aggsortop, 0)::regoperator::text AS "sort operator",
       format_type(a.aggtranstype, NULL) || ' ' || a.aggtransspace AS "state", format_type(nullif(a.aggmtranstype, 0), NULL) || ' ' || a.aggmtransspace AS "moving state",
       a.agginitval AS "initial value", a.aggminitval AS "moving initial value",
       CASE WHEN p.prokind = 'a' THEN p.proparallel::text END AS parallel,
       pg_get_userbyid(p.proowner) AS owner,
       array_to_string(coalesce(p.proacl, acldefault('f', p.proowner)), E'\n') AS privileges,
       (SELECT description FROM pg_description WHERE objoid = p.oid AND classoid = 'pg_proc'::regclass AND objsubid = 0) AS comment
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND (d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' OR d.deptype = 'i'));

SELECT 'trigger', t.tgrelid::regclass::text || '.' || quote_ident(t.tgname), t.tgrelid || ' ' || t.oid AS address,
       pg_get_triggerdef(t.oid) AS definition,
       CASE t.tgenabled WHEN 'O' THEN 'ENABLED' WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'ENABLED REPLICA' ELSE 'ENABLED ALWAYS' END AS state,
       CASE WHEN t.tgparentid <> 0 THEN 'inherited' END AS inheritance,
       (SELECT description FROM pg_description WHERE objoid = t.oid AND classoid = 'pg_trigger'::regclass AND objsubid = 0) AS comment
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND t.tgrelid = ANY ($1) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_trigger'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'event trigger', quote_ident(evtname),
       evtevent AS event, evtfoid::regproc::text AS function, array_to_string(evttags, ', ') AS tags,
       CASE evtenabled WHEN 'O' THEN 'ENABLED' WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'ENABLED REPLICA' ELSE 'ENABLED ALWAYS' END AS state,
       pg_get_userbyid(evtowner) AS owner, (SELECT description FROM pg_description WHERE objoid = oid AND classoid = 'pg_event_trigger'::regclass AND objsubid = 0) AS comment
  FROM pg_event_trigger e
 WHERE e.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'rule', r.ev_class::regclass::text || '.' || quote_ident(r.rulename),
       pg_get_ruledef(r.oid) AS definition,
       CASE r.ev_enabled WHEN 'O' THEN 'ENABLED' WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'ENABLED REPLICA' ELSE 'ENABLED ALWAYS' END AS state,
       (SELECT description FROM pg_description WHERE objoid = r.oid AND classoid = 'pg_rewrite'::regclass AND objsubid = 0) AS comment
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.rulename <> '_RETURN' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, t.oid::regtype::text,
       (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) AS enum,
       CASE WHEN t.typtype = 'e' THEN (SELECT count(*)::text FROM pg_enum e WHERE e.enumtypid = t.oid) END AS labels,
       CASE WHEN t.typtype = 'c' THEN coalesce((SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                || CASE WHEN a.attcollation <> at.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END, ', ' ORDER BY a.attnum)
          FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), 'nothing') END AS composite,
       CASE WHEN t.typtype = 'c' THEN (SELECT string_agg(quote_ident(a.attname) || ': ' || (SELECT description FROM pg_description WHERE objoid = t.typrelid AND classoid = 'pg_class'::regclass AND objsubid = a.attnum), E'\n' ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END AS "comments of its fields",
       (SELECT concat_ws(', ', format_type(r.rngsubtype, NULL), 'multirange ' || r.rngmultitypid::regtype, 'opclass ' || o.opcname,
               'collation ' || nullif(r.rngcollation, 0)::regcollation, 'canonical ' || nullif(r.rngcanonical, 0)::regproc, 'subdiff ' || nullif(r.rngsubdiff, 0)::regproc)
          FROM pg_range r JOIN pg_opclass o ON o.oid = r.rngsubopc WHERE r.rngtypid = t.oid) AS range,
       CASE WHEN t.typtype = 'b' THEN concat_ws(', ', t.typinput::regproc, t.typoutput::regproc, nullif(t.typreceive, 0)::regproc, nullif(t.typsend, 0)::regproc,
               nullif(t.typmodin, 0)::regproc, nullif(t.typmodout, 0)::regproc, nullif(t.typanalyze, 0)::regproc, nullif(t.typsubscript, 0)::regproc,
               t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim, nullif(t.typelem, 0)::regtype) END AS base,
       CASE WHEN NOT t.typisdefined THEN 'a shell' END AS definition,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS type,
       CASE WHEN t.typtype = 'd' AND t.typcollation <> (SELECT b.typcollation FROM pg_type b WHERE b.oid = t.typbasetype) THEN t.typcollation::regcollation::text END AS collation,
       CASE WHEN t.typtype = 'd' AND t.typnotnull THEN 'NOT NULL' END AS nullability,
       CASE WHEN t.typtype IN ('d', 'b') THEN coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) END AS default,
       pg_get_userbyid(t.typowner) AS owner,
       array_to_string(coalesce(t.typacl, acldefault('T', t.typowner)), E'\n') AS privileges,
       coalesce((SELECT description FROM pg_description WHERE objoid = t.oid AND classoid = 'pg_type'::regclass AND objsubid = 0), (SELECT description FROM pg_description WHERE objoid = t.typrelid AND classoid = 'pg_class'::regclass AND objsubid = 0)) AS comment
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND t.typtype <> 'm'
   AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
   AND t.oid NOT IN (SELECT typarray FROM pg_type)
   AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'collation', c.oid::regcollation::text,
       c.collprovider::text AS provider, c.collcollate AS collate, c.collctype AS ctype, c.colliculocale AS locale,
       CASE WHEN NOT c.collisdeterministic THEN 'not deterministic' END AS determinism,
       nullif(c.collencoding, -1)::text AS encoding,
       pg_get_userbyid(c.collowner) AS owner, (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_collation'::regclass AND objsubid = 0) AS comment
  FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_collation'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'conversion', quote_ident(n.nspname) || '.' || quote_ident(c.conname),
       pg_encoding_to_char(c.conforencoding) || ' to ' || pg_encoding_to_char(c.contoencoding) AS encodings,
       c.conproc::regproc::text AS function, CASE WHEN c.condefault THEN 'DEFAULT' END AS default,
       pg_get_userbyid(c.conowner) AS owner, (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_conversion'::regclass AND objsubid = 0) AS comment
  FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_conversion'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'operator', o.oid::regoperator::text,
       format_type(o.oprresult, NULL) AS result, o.oprcode::regproc::text AS function,
       nullif(o.oprcom, 0)::regoperator::text AS commutator, nullif(o.oprnegate, 0)::regoperator::text AS negator,
       nullif(o.oprrest, 0)::regproc::text AS restrict, nullif(o.oprjoin, 0)::regproc::text AS join,
       CASE WHEN o.oprcanhash THEN 'HASHES' END AS hashes, CASE WHEN o.oprcanmerge THEN 'MERGES' END AS merges,
       pg_get_userbyid(o.oprowner) AS owner, (SELECT description FROM pg_description WHERE objoid = o.oid AND classoid = 'pg_operator'::regclass AND objsubid = 0) AS comment
  FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND o.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_operator'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'operator class', quote_ident(n.nspname) || '.' || quote_ident(c.opcname) || ' USING ' || m.amname,
       quote_ident(fn.nspname) || '.' || quote_ident(f.opfname) AS family, format_type(c.opcintype, NULL) AS type,
       format_type(nullif(c.opckeytype, 0), NULL) AS storage, CASE WHEN c.opcdefault THEN 'DEFAULT' END AS default,
       pg_get_userbyid(c.opcowner) AS owner, (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_opclass'::regclass AND objsubid = 0) AS comment
  FROM pg_opclass c
  JOIN pg_namespace n ON n.oid = c.opcnamespace
  JOIN pg_am m ON m.oid = c.opcmethod
  JOIN pg_opfamily f ON f.oid = c.opcfamily
  JOIN pg_namespace fn ON fn.oid = f.opfnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_opclass'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'operator family', quote_ident(n.nspname) || '.' || quote_ident(f.opfname) || ' USING ' || m.amname,
       (SELECT string_agg(o.amopstrategy || ' ' || o.amopopr::regoperator || coalesce(' FOR ORDER BY ' || (SELECT sf.opfname FROM pg_opfamily sf WHERE sf.oid = o.amopsortfamily), ''), E'\n' ORDER BY o.amopstrategy, o.amopopr::regoperator::text) FROM pg_amop o WHERE o.amopfamily = f.oid) AS operators,
       (SELECT string_agg(p.amprocnum || ' ' || p.amproc::regprocedure || ' (' || format_type(p.amproclefttype, NULL) || ', ' || format_type(p.amprocrighttype, NULL) || ')', E'\n' ORDER BY p.amprocnum, p.amproc::regprocedure::text) FROM pg_amproc p WHERE p.amprocfamily = f.oid) AS functions,
       pg_get_userbyid(f.opfowner) AS owner, (SELECT description FROM pg_description WHERE objoid = f.oid AND classoid = 'pg_opfamily'::regclass AND objsubid = 0) AS comment
  FROM pg_opfamily f
  JOIN pg_namespace n ON n.oid = f.opfnamespace
  JOIN pg_am m ON m.oid = f.opfmethod
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND f.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_opfamily'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'cast', '(' || format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL) || ')',
       CASE c.castcontext WHEN 'e' THEN 'explicit' WHEN 'a' THEN 'AS ASSIGNMENT' ELSE 'AS IMPLICIT' END AS context,
       CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::regprocedure WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END AS method,
       (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_cast'::regclass AND objsubid = 0) AS comment
  FROM pg_cast c
 WHERE c.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND (d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' OR d.deptype = 'i'));

SELECT 'transform', 'for ' || format_type(t.trftype, NULL) || ' language ' || l.lanname,
       nullif(t.trffromsql, 0)::regprocedure::text AS "from sql", nullif(t.trftosql, 0)::regprocedure::text AS "to sql",
       (SELECT description FROM pg_description WHERE objoid = t.oid AND classoid = 'pg_transform'::regclass AND objsubid = 0) AS comment
  FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
 WHERE t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_transform'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'extension', quote_ident(e.extname), e.extversion AS version, quote_ident(n.nspname) AS schema,
       (SELECT string_agg(t::regclass::text, ', ' ORDER BY t::regclass::text) FROM unnest(e.extconfig) t) AS "configuration tables",
       (SELECT description FROM pg_description WHERE objoid = e.oid AND classoid = 'pg_extension'::regclass AND objsubid = 0) AS comment
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace;

SELECT 'language', quote_ident(lanname),
       CASE WHEN lanpltrusted THEN 'TRUSTED' END AS trust, nullif(lanplcallfoid, 0)::regproc::text AS handler,
       nullif(laninline, 0)::regproc::text AS inline, nullif(lanvalidator, 0)::regproc::text AS validator,
       pg_get_userbyid(lanowner) AS owner,
       array_to_string(coalesce(lanacl, acldefault('l', lanowner)), E'\n') AS privileges,
       (SELECT description FROM pg_description WHERE objoid = oid AND classoid = 'pg_language'::regclass AND objsubid = 0) AS comment
  FROM pg_language WHERE lanispl;

SELECT 'access method', quote_ident(amname), amhandler::regproc::text AS handler, amtype::text AS type,
       (SELECT description FROM pg_description WHERE objoid = oid AND classoid = 'pg_am'::regclass AND objsubid = 0) AS comment
  FROM pg_am a WHERE oid >= 16384
   AND a.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_am'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'policy', p.polrelid::regclass::text || '.' || quote_ident(p.polname),
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
       CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END AS sort,
       (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ' ORDER BY pg_get_userbyid(r)) FROM unnest(p.polroles) r) AS roles,
       pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS "with check",
       (SELECT description FROM pg_description WHERE objoid = p.oid AND classoid = 'pg_policy'::regclass AND objsubid = 0) AS comment
  FROM pg_policy p;

SELECT 'statistics', quote_ident(n.nspname) || '.' || quote_ident(s.stxname),
       pg_get_statisticsobjdef(s.oid) AS definition, nullif(s.stxstattarget, -1)::text AS "statistics target",
       pg_get_userbyid(s.stxowner) AS owner, (SELECT description FROM pg_description WHERE objoid = s.oid AND classoid = 'pg_statistic_ext'::regclass AND objsubid = 0) AS comment
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
 WHERE s.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_statistic_ext'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'publication', quote_ident(p.pubname),
       CASE WHEN p.puballtables THEN 'ALL TABLES' END AS "all tables",
       concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END) AS publishes,
       CASE WHEN p.pubviaroot THEN 'via the partition root' END AS partitions,
       (SELECT string_agg(r.prrelid::regclass || coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')', '')
               || coalesce(' WHERE ' || pg_get_expr(r.prqual, r.prrelid), ''), E'\n' ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel r WHERE r.prpubid = p.oid) AS tables,
       (SELECT string_agg(quote_ident(n.nspname), ', ' ORDER BY n.nspname) FROM pg_publication_namespace s JOIN pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid) AS schemas,
       pg_get_userbyid(p.pubowner) AS owner, (SELECT description FROM pg_description WHERE objoid = p.oid AND classoid = 'pg_publication'::regclass AND objsubid = 0) AS comment
  FROM pg_publication p;

SELECT 'foreign data wrapper', quote_ident(fdwname),
       nullif(fdwhandler, 0)::regproc::text AS handler, nullif(fdwvalidator, 0)::regproc::text AS validator,
       array_to_string(fdwoptions, ', ') AS options, pg_get_userbyid(fdwowner) AS owner,
       array_to_string(coalesce(fdwacl, acldefault('F', fdwowner)), E'\n') AS privileges,
       (SELECT description FROM pg_description WHERE objoid = oid AND classoid = 'pg_foreign_data_wrapper'::regclass AND objsubid = 0) AS comment
  FROM pg_foreign_data_wrapper w
 WHERE w.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_foreign_data_wrapper'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'foreign server', quote_ident(s.srvname), w.fdwname AS wrapper, s.srvtype AS type, s.srvversion AS version,
       array_to_string(s.srvoptions, ', ') AS options, pg_get_userbyid(s.srvowner) AS owner,
       array_to_string(coalesce(s.srvacl, acldefault('S', s.srvowner)), E'\n') AS privileges,
       (SELECT description FROM pg_description WHERE objoid = s.oid AND classoid = 'pg_foreign_server'::regclass AND objsubid = 0) AS comment
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
 WHERE s.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_foreign_server'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'text search parser', quote_ident(n.nspname) || '.' || quote_ident(p.prsname),
       concat_ws(', ', p.prsstart::regproc, p.prstoken::regproc, p.prsend::regproc, nullif(p.prsheadline, 0)::regproc, p.prslextype::regproc) AS functions,
       (SELECT description FROM pg_description WHERE objoid = p.oid AND classoid = 'pg_ts_parser'::regclass AND objsubid = 0) AS comment
  FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = p.prsnamespace
 WHERE n.nspname !~ '^pg_'
   AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_parser'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'text search template', quote_ident(n.nspname) || '.' || quote_ident(t.tmplname),
       concat_ws(', ', nullif(t.tmplinit, 0)::regproc, t.tmpllexize::regproc) AS functions,
       (SELECT description FROM pg_description WHERE objoid = t.oid AND classoid = 'pg_ts_template'::regclass AND objsubid = 0) AS comment
  FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace
 WHERE n.nspname !~ '^pg_'
   AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_template'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'text search dictionary', d.oid::regdictionary::text,
       quote_ident(tn.nspname) || '.' || quote_ident(t.tmplname) AS template, d.dictinitoption AS options,
       pg_get_userbyid(d.dictowner) AS owner, (SELECT description FROM pg_description WHERE objoid = d.oid AND classoid = 'pg_ts_dict'::regclass AND objsubid = 0) AS comment
  FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace
  JOIN pg_ts_template t ON t.oid = d.dicttemplate JOIN pg_namespace tn ON tn.oid = t.tmplnamespace
 WHERE n.nspname !~ '^pg_'
   AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_ts_dict'::regclass AND e.objid = d.oid AND e.deptype = 'e');

SELECT 'text search configuration', c.oid::regconfig::text,
       quote_ident(pn.nspname) || '.' || quote_ident(p.prsname) AS parser,
       (SELECT string_agg(m.maptokentype || ' ' || m.mapseqno || ' ' || m.mapdict::regdictionary, E'\n' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = c.oid) AS mappings,
       pg_get_userbyid(c.cfgowner) AS owner, (SELECT description FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_ts_config'::regclass AND objsubid = 0) AS comment
  FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace
  JOIN pg_ts_parser p ON p.oid = c.cfgparser JOIN pg_namespace pn ON pn.oid = p.prsnamespace
 WHERE n.nspname !~ '^pg_'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_config'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e');

SELECT 'default privileges', 'of ' || quote_ident(pg_get_userbyid(a.defaclrole)) || ' for '
         || CASE a.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' ELSE 'schemas' END
         || coalesce(' in schema ' || quote_ident(n.nspname), ''),
       coalesce(nullif(array_to_string(a.defaclacl, E'\n'), ''), 'none') AS privileges
  FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace;

-- Grants on what belongs to the system or to an extension, where they are not those that it came with.
SELECT 'privileges', 'on table ' || c.oid::regclass::text, array_to_string(c.relacl, E'\n') AS privileges
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
 WHERE c.relacl IS DISTINCT FROM i.initprivs AND c.relacl IS NOT NULL AND c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p')
   AND (n.nspname IN ('pg_catalog', 'information_schema') OR i.objoid IS NOT NULL
     OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'));
SELECT 'privileges', 'on function ' || p.oid::regprocedure::text, array_to_string(p.proacl, E'\n') AS privileges
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid
 WHERE p.proacl IS DISTINCT FROM i.initprivs AND p.proacl IS NOT NULL
   AND (n.nspname IN ('pg_catalog', 'information_schema') OR i.objoid IS NOT NULL
     OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'));
SELECT 'privileges', 'on schema ' || nspname, array_to_string(coalesce(nspacl, acldefault('n', nspowner)), E'\n') AS privileges
  FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema');

-- Read each time: what all databases share, and what not everybody may see the rows of.
SELECT 'database', 'itself', 'each time' AS address,
       pg_encoding_to_char(encoding) || ', ' || datcollate || ', ' || datctype AS encoding, nullif(datconnlimit, -1)::text AS "connection limit",
       CASE WHEN NOT datallowconn THEN 'no connections' END AS connections,
       pg_get_userbyid(datdba) AS owner,
       replace(array_to_string(coalesce(datacl, acldefault('d', datdba)), E'\n'), datname, 'itself') AS privileges,
       shobj_description(oid, 'pg_database') AS comment
  FROM pg_database WHERE datname = current_database();

SELECT 'settings', CASE WHEN s.setrole = 0 THEN 'of the database' WHEN s.setdatabase = 0 THEN 'of role ' || quote_ident(pg_get_userbyid(s.setrole))
            ELSE 'of role ' || quote_ident(pg_get_userbyid(s.setrole)) || ' in the database' END, 'each time' AS address,
       array_to_string(s.setconfig, E'\n') AS values
  FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
 WHERE s.setdatabase = 0 OR d.datname = current_database();

SELECT 'role', quote_ident(rolname), 'each time' AS address,
       concat_ws(', ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN NOT rolinherit THEN 'NOINHERIT' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
                 CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
                 CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) AS attributes,
       nullif(rolconnlimit, -1)::text AS "connection limit", rolvaliduntil::text AS "valid until",
       shobj_description(oid, 'pg_authid') AS comment
  FROM pg_roles WHERE rolname !~ '^pg_';

SELECT 'membership', quote_ident(pg_get_userbyid(member)) || ' in ' || quote_ident(pg_get_userbyid(roleid)), 'each time' AS address,
       CASE WHEN admin_option THEN 'WITH ADMIN OPTION' ELSE 'plain' END AS option, pg_get_userbyid(grantor) AS grantor
  FROM pg_auth_members WHERE roleid >= 16384 OR member >= 16384;

SELECT 'tablespace', quote_ident(spcname), 'each time' AS address, array_to_string(spcoptions, ', ') AS options,
       pg_get_userbyid(spcowner) AS owner, array_to_string(coalesce(spcacl, acldefault('t', spcowner)), E'\n') AS privileges,
       shobj_description(oid, 'pg_tablespace') AS comment
  FROM pg_tablespace WHERE oid >= 16384;

SELECT 'parameter', parname, 'each time' AS address, array_to_string(paracl, E'\n') AS privileges FROM pg_parameter_acl;

SELECT 'subscription', quote_ident(subname), 'each time' AS address,
       CASE WHEN subenabled THEN 'ENABLED' END AS state, array_to_string(subpublications, ', ') AS publications, subslotname AS slot,
       subsynccommit AS "synchronous commit", concat_ws(' ', subbinary, substream, subtwophasestate, subdisableonerr) AS modes,
       pg_get_userbyid(subowner) AS owner, (SELECT description FROM pg_description WHERE objoid = oid AND classoid = 'pg_subscription'::regclass AND objsubid = 0) AS comment
  FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database());

-- The values may be passwords: enough of them to see a change.
SELECT 'user mapping', 'for ' || CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END || ' server ' || quote_ident(srvname), 'each time' AS address,
       (SELECT string_agg(split_part(o, '=', 1) || ' (value ' || left(md5(o), 8) || ')', ', ' ORDER BY o) FROM unnest(umoptions) o) AS options
  FROM pg_user_mappings;

COMMIT;
