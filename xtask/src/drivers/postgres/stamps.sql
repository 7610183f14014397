-- Where a look is, and what is read each time: what all databases share, and whether there is a text
-- of a query that belongs to no relation, for that follows from columns elsewhere.
SELECT (SELECT oid FROM pg_database WHERE datname = current_database()) AS database,
       current_setting('is_superuser') = 'on' AS superuser,
       pg_snapshot_xmin(pg_current_snapshot())::xid AS began,
       (SELECT string_agg(oid || rolname, ' ' ORDER BY oid) FROM pg_roles)
       || (SELECT string_agg(oid || spcname || xmin, ' ' ORDER BY oid) FROM pg_tablespace) AS names,
       EXISTS (SELECT FROM pg_proc WHERE oid >= 16384 AND prosqlbody IS NOT NULL)
       OR EXISTS (SELECT FROM pg_rewrite WHERE oid >= 16384 AND rulename <> '_RETURN')
       OR EXISTS (SELECT FROM pg_policy WHERE concat(polqual, polwithcheck) LIKE '%SUBLINK%') AS follows;

-- What may have changed since a look: the rows of the catalogues by which it is known, with their owner,
-- which is the relation that is another then; 0: what belongs to none; 1: what definitions of relations may
-- name, or what decides which relations are told at all.
--
-- A row that was written since is known by its xmin; one that is gone is missing in the sum of the
-- places of those that are there. A row that does not `count` is in no sum: none goes unless one that
-- counts goes or is written. Postgres changes nothing else of a row in place that a look tells.
--
-- Each statement reads one catalogue: all of it, or some of its pages.
SELECT CASE WHEN relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND relnamespace <> 'pg_catalog'::regnamespace THEN oid
            WHEN relkind IN ('i', 'I') THEN (SELECT indrelid FROM pg_index WHERE indexrelid = c.oid)
            WHEN relkind = 'c' THEN 1
            WHEN relnamespace = 'pg_catalog'::regnamespace THEN 0 END AS owner,
       ctid, relkind = 'c' OR relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND relnamespace <> 'pg_catalog'::regnamespace AS counts, xmin
  FROM pg_class c WHERE $pages;
SELECT indrelid AS owner, ctid, true AS counts, xmin FROM pg_index WHERE $pages AND indrelid >= 16384;
SELECT conrelid AS owner, ctid, true AS counts, xmin
  FROM pg_constraint WHERE $pages AND (conrelid = 0 OR conrelid >= 16384);
SELECT tgrelid AS owner, ctid, true AS counts, xmin FROM pg_trigger WHERE $pages;
SELECT coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = inhrelid), inhrelid) AS owner, ctid, true AS counts, xmin
  FROM pg_inherits WHERE $pages;
-- Whose a sequence is, and what is an extension's.
SELECT CASE WHEN refclassid = 'pg_extension'::regclass THEN 1 ELSE objid END AS owner, ctid, true AS counts, xmin
  FROM pg_depend
 WHERE $pages AND (refclassid = 'pg_extension'::regclass
       OR refclassid = 'pg_class'::regclass AND refobjsubid > 0 AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i'));
SELECT CASE WHEN classoid = 'pg_class'::regclass
            THEN coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = objoid), objoid) ELSE 1 END AS owner,
       ctid, true AS counts, xmin
  FROM pg_description WHERE $pages AND objoid >= 16384;
-- A dropped column is only marked, and so is one that loses its default; who sets an option of where what
-- is long is kept, writes the table's row too.
SELECT CASE (SELECT relkind FROM pg_class WHERE oid = attrelid) WHEN 'c' THEN 0 WHEN 't' THEN NULL
            ELSE coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = attrelid), attrelid) END AS owner,
       ctid, false AS counts, xmin
  FROM pg_attribute WHERE $pages;
SELECT adrelid AS owner, ctid, false AS counts, xmin FROM pg_attrdef WHERE $pages;
SELECT seqrelid AS owner, ctid, false AS counts, xmin FROM pg_sequence WHERE $pages;
SELECT partrelid AS owner, ctid, false AS counts, xmin FROM pg_partitioned_table WHERE $pages;
SELECT ftrelid AS owner, ctid, false AS counts, xmin FROM pg_foreign_table WHERE $pages;
-- What belongs to no relation, or is read with that.
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_aggregate WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_amop WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_amproc WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_conversion WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_default_acl WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_event_trigger WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_foreign_data_wrapper WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_init_privs WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_policy WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_publication WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_publication_namespace WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_publication_rel WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_range WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_rewrite WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_statistic_ext WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_transform WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_ts_config_map WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_ts_parser WHERE $pages;
SELECT 0 AS owner, ctid, true AS counts, xmin FROM pg_ts_template WHERE $pages;
-- What may be named. A relation's type is named as the relation is, an array as its element.
SELECT 1 AS owner, ctid, oid >= 16384 AS counts, xmin FROM pg_type WHERE $pages AND typtype <> 'c' AND (typelem = 0 OR typlen <> -1);
SELECT 1 AS owner, ctid, oid >= 16384 AS counts, xmin FROM pg_namespace WHERE $pages;
SELECT 1 AS owner, ctid, oid >= 16384 AS counts, xmin FROM pg_proc WHERE $pages;
SELECT 1 AS owner, ctid, oid >= 16384 AS counts, xmin FROM pg_operator WHERE $pages;
SELECT 1 AS owner, ctid, oid >= 16384 AS counts, xmin FROM pg_opclass WHERE $pages;
SELECT 1 AS owner, ctid, oid >= 16384 AS counts, xmin FROM pg_opfamily WHERE $pages;
SELECT 1 AS owner, ctid, oid >= 16384 AS counts, xmin FROM pg_collation WHERE $pages;
SELECT 1 AS owner, ctid, oid >= 16384 AS counts, xmin FROM pg_cast WHERE $pages;
SELECT 1 AS owner, ctid, true AS counts, xmin FROM pg_enum WHERE $pages;
SELECT 1 AS owner, ctid, true AS counts, xmin FROM pg_am WHERE $pages;
SELECT 1 AS owner, ctid, true AS counts, xmin FROM pg_language WHERE $pages;
SELECT 1 AS owner, ctid, true AS counts, xmin FROM pg_foreign_server WHERE $pages;
SELECT 1 AS owner, ctid, true AS counts, xmin FROM pg_ts_config WHERE $pages;
SELECT 1 AS owner, ctid, true AS counts, xmin FROM pg_ts_dict WHERE $pages;
