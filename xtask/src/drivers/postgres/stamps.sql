-- What may have changed since a look that began at the transaction $1; NULL: there was none. One row.
--
-- A row of a catalogue that was written since is known by its xmin; one that is gone is missing in the
-- sum of the places of those that are there. Postgres changes nothing else of a row in place that a
-- look tells.
WITH owned (relation, place, is_new) AS (
  SELECT oid, hashtid(ctid)::int8, age(xmin) <= age($1) FROM pg_class
   WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND relnamespace <> 'pg_catalog'::regnamespace
  UNION ALL SELECT indrelid, hashtid(ctid), age(xmin) <= age($1) FROM pg_index WHERE indrelid >= 16384
  UNION ALL SELECT conrelid, hashtid(ctid), age(xmin) <= age($1) FROM pg_constraint WHERE conrelid >= 16384
  UNION ALL SELECT tgrelid, hashtid(ctid), age(xmin) <= age($1) FROM pg_trigger
  UNION ALL SELECT coalesce(i.indrelid, h.inhrelid), hashtid(h.ctid), age(h.xmin) <= age($1)
    FROM pg_inherits h LEFT JOIN pg_index i ON i.indexrelid = h.inhrelid
  -- Whose a sequence is.
  UNION ALL SELECT objid, hashtid(ctid), age(xmin) <= age($1) FROM pg_depend
   WHERE refclassid = 'pg_class'::regclass AND refobjsubid > 0 AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i')
  UNION ALL SELECT coalesce(i.indrelid, d.objoid), hashtid(d.ctid), age(d.xmin) <= age($1)
    FROM pg_description d LEFT JOIN pg_index i ON i.indexrelid = d.objoid
   WHERE d.objoid >= 16384 AND d.classoid = 'pg_class'::regclass
  -- No row of these goes unless one of those above goes or is written. A dropped column is only marked, and so
  -- is one that loses its default; who sets an option of where what is long is kept, writes the table's row too.
  UNION ALL SELECT CASE WHEN c.relkind <> 'c' THEN coalesce(i.indrelid, c.oid) END, 0, true
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_index i ON i.indexrelid = c.oid
   WHERE age(a.xmin) <= age($1)
  UNION ALL SELECT i.indrelid, 0, true FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE age(c.xmin) <= age($1)
  UNION ALL SELECT adrelid, 0, true FROM pg_attrdef WHERE age(xmin) <= age($1)
  UNION ALL SELECT seqrelid, 0, true FROM pg_sequence WHERE age(xmin) <= age($1)
  UNION ALL SELECT partrelid, 0, true FROM pg_partitioned_table WHERE age(xmin) <= age($1)
  UNION ALL SELECT ftrelid, 0, true FROM pg_foreign_table WHERE age(xmin) <= age($1)
  -- What belongs to no relation, or is read with that.
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_aggregate
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_amop
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_amproc
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_conversion
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_default_acl
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_event_trigger
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_foreign_data_wrapper
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_init_privs
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_policy
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_publication
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_publication_namespace
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_publication_rel
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_range
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_rewrite
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_statistic_ext
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_transform
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_ts_config_map
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_ts_parser
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_ts_template
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND age(xmin) <= age($1)
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass
  UNION ALL SELECT NULL, hashtid(ctid), age(xmin) <= age($1) FROM pg_constraint WHERE conrelid = 0
  -- The text of a query follows from columns elsewhere.
  UNION ALL SELECT NULL, 0, true FROM pg_proc WHERE oid >= 16384 AND prosqlbody IS NOT NULL
  UNION ALL SELECT NULL, 0, true FROM pg_rewrite WHERE oid >= 16384 AND rulename <> '_RETURN'
  UNION ALL SELECT NULL, 0, true FROM pg_policy WHERE concat(polqual, polwithcheck) LIKE '%SUBLINK%'
),
-- What definitions of relations may name, and what decides which relations are told at all.
named (catalogue, is_new) AS (
  SELECT 'pg_namespace', age(xmin) <= age($1) FROM pg_namespace WHERE oid >= 16384 OR age(xmin) <= age($1)
  -- A relation's type is named as the relation is, an array as its element.
  UNION ALL SELECT 'pg_type', age(xmin) <= age($1) FROM pg_type
   WHERE (oid >= 16384 OR age(xmin) <= age($1)) AND typtype <> 'c' AND (typelem = 0 OR typlen <> -1)
  UNION ALL SELECT 'a composite type', age(xmin) <= age($1) FROM pg_class WHERE relkind = 'c'
  UNION ALL SELECT 'pg_enum', age(xmin) <= age($1) FROM pg_enum
  UNION ALL SELECT 'pg_proc', age(xmin) <= age($1) FROM pg_proc WHERE oid >= 16384 OR age(xmin) <= age($1)
  UNION ALL SELECT 'pg_operator', age(xmin) <= age($1) FROM pg_operator WHERE oid >= 16384 OR age(xmin) <= age($1)
  UNION ALL SELECT 'pg_opclass', age(xmin) <= age($1) FROM pg_opclass WHERE oid >= 16384 OR age(xmin) <= age($1)
  UNION ALL SELECT 'pg_opfamily', age(xmin) <= age($1) FROM pg_opfamily WHERE oid >= 16384 OR age(xmin) <= age($1)
  UNION ALL SELECT 'pg_collation', age(xmin) <= age($1) FROM pg_collation WHERE oid >= 16384 OR age(xmin) <= age($1)
  UNION ALL SELECT 'pg_cast', age(xmin) <= age($1) FROM pg_cast WHERE oid >= 16384 OR age(xmin) <= age($1)
  UNION ALL SELECT 'pg_am', age(xmin) <= age($1) FROM pg_am
  UNION ALL SELECT 'pg_language', age(xmin) <= age($1) FROM pg_language
  UNION ALL SELECT 'pg_tablespace', age(xmin) <= age($1) FROM pg_tablespace
  UNION ALL SELECT 'pg_foreign_server', age(xmin) <= age($1) FROM pg_foreign_server
  UNION ALL SELECT 'pg_ts_config', age(xmin) <= age($1) FROM pg_ts_config
  UNION ALL SELECT 'pg_ts_dict', age(xmin) <= age($1) FROM pg_ts_dict
  UNION ALL SELECT 'a comment', age(xmin) <= age($1) FROM pg_description WHERE objoid >= 16384 AND classoid <> 'pg_class'::regclass
  UNION ALL SELECT 'an extension''s', age(xmin) <= age($1) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass
  UNION ALL SELECT 'role ' || oid || rolname, false FROM pg_roles
)
SELECT (SELECT oid FROM pg_database WHERE datname = current_database()) AS database,
       current_setting('is_superuser') = 'on' AS superuser,
       pg_snapshot_xmin(pg_current_snapshot())::xid AS began,
       (SELECT string_agg(coalesce(bucket::text, 'none') || ' ' || places || CASE WHEN is_new THEN ' new' ELSE '' END, E'\n')
          FROM (SELECT relation::int8 & 255 AS bucket, sum(place) AS places, bool_or(is_new) AS is_new FROM owned GROUP BY 1) b) AS relations,
       (SELECT string_agg(catalogue || count, E'\n' ORDER BY catalogue) FROM (SELECT catalogue, count(*) FROM named GROUP BY 1) n) AS names,
       (SELECT bool_or(is_new) FROM named) AS renamed
