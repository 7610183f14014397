-- psql "$PRODUCTION" -qAtf xtask/src/production/tables.sql > migrations/production.csv     (names and sizes, no row of any table)
COPY (   -- two digits of each size: the file changes only where a table did
  SELECT c.oid::regclass AS "table", c.relkind AS kind, round(greatest(c.reltuples, 0)::numeric, 1 - floor(log(greatest(c.reltuples, 1)))::int)::bigint AS rows,
         round(pg_table_size(c.oid)::numeric, 1 - floor(log(greatest(pg_table_size(c.oid), 1)))::int)::bigint AS bytes,
         round(pg_indexes_size(c.oid)::numeric, 1 - floor(log(greatest(pg_indexes_size(c.oid), 1)))::int)::bigint AS index_bytes,
         round((coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0)) / u.seconds, 1) AS reads_per_s,
         round((s.n_tup_ins + s.n_tup_upd + s.n_tup_del) / u.seconds, 1) AS writes_per_s,
         current_date AS "on"
  FROM pg_class c JOIN pg_stat_all_tables s ON s.relid = c.oid,
       (SELECT greatest(extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time())), 1) AS seconds
        FROM pg_stat_database WHERE datname = current_database()) u
  WHERE c.relkind IN ('r', 'm') AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
  ORDER BY c.oid::regclass::text
) TO STDOUT CSV HEADER;
