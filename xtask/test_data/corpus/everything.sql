-- One of every kind of object that a snapshot knows.
CREATE ROLE corpus_owner NOLOGIN;
CREATE ROLE corpus_reader LOGIN CONNECTION LIMIT 3 VALID UNTIL '2030-01-01';
GRANT corpus_reader TO corpus_owner WITH ADMIN OPTION;
ALTER ROLE corpus_reader SET work_mem = '8MB';
COMMENT ON ROLE corpus_owner IS 'owns';
CREATE SCHEMA shop AUTHORIZATION corpus_owner;
COMMENT ON SCHEMA shop IS 'what is sold';
GRANT USAGE ON SCHEMA shop TO corpus_reader;
CREATE EXTENSION citext SCHEMA shop VERSION '1.6';
CREATE EXTENSION postgres_fdw;
CREATE TYPE shop.side AS ENUM ('buy', 'sell');
ALTER TYPE shop.side ADD VALUE 'hold' BEFORE 'sell';
COMMENT ON TYPE shop.side IS 'which way';
CREATE TYPE shop.pair AS (a int, b text COLLATE "C");
COMMENT ON COLUMN shop.pair.a IS 'the first';
CREATE TYPE shop.floats AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE DOMAIN shop.positive AS int DEFAULT 1 NOT NULL CONSTRAINT is_positive CHECK (VALUE > 0);
COMMENT ON CONSTRAINT is_positive ON DOMAIN shop.positive IS 'above zero';
CREATE COLLATION shop.numeric (provider = icu, locale = 'en-u-kn-true', deterministic = false);
CREATE SEQUENCE shop.counter AS smallint INCREMENT 2 MINVALUE 4 MAXVALUE 40 START 6 CACHE 3 CYCLE;
CREATE FUNCTION shop.double(n int, OUT twice int) LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT n * 2';
COMMENT ON FUNCTION shop.double IS 'twice';
REVOKE EXECUTE ON FUNCTION shop.double FROM PUBLIC;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql SET search_path = shop AS 'BEGIN RETURN NEW; END';
CREATE PROCEDURE shop.tidy(days int DEFAULT 3) LANGUAGE sql BEGIN ATOMIC SELECT days; END;
CREATE FUNCTION shop.add(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE AGGREGATE shop.total(int) (SFUNC = shop.add, STYPE = int, INITCOND = '0', COMBINEFUNC = shop.add, PARALLEL = SAFE);
CREATE TABLE shop.item (
    id bigint GENERATED ALWAYS AS IDENTITY (START 10) PRIMARY KEY,
    name varchar(40) COLLATE "C" NOT NULL DEFAULT 'nameless',
    note text COMPRESSION lz4,
    price numeric(12, 2) CHECK (price >= 0),
    gross numeric GENERATED ALWAYS AS (price * 1.2) STORED,
    side shop.side,
    code shop.citext,
    number int DEFAULT nextval('shop.counter'),
    period tstzrange,
    CONSTRAINT item_name_key UNIQUE NULLS NOT DISTINCT (name) DEFERRABLE INITIALLY DEFERRED,
    EXCLUDE USING gist (period WITH &&)
) WITH (fillfactor = 70, toast.autovacuum_enabled = false);
ALTER SEQUENCE shop.counter OWNED BY shop.item.number;
ALTER TABLE shop.item ALTER note SET STORAGE EXTERNAL, ALTER price SET STATISTICS 500, ALTER price SET (n_distinct = -0.5);
ALTER TABLE shop.item ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, REPLICA IDENTITY FULL;
COMMENT ON TABLE shop.item IS 'sold';
COMMENT ON COLUMN shop.item.price IS 'net';
GRANT SELECT, INSERT ON shop.item TO corpus_reader WITH GRANT OPTION;
GRANT UPDATE (note) ON shop.item TO corpus_reader;
CREATE UNIQUE INDEX item_lower ON shop.item (lower(name) DESC) INCLUDE (price) WHERE price > 1;
COMMENT ON INDEX shop.item_lower IS 'found fast';
CREATE INDEX item_double ON shop.item (shop.double(number));
ALTER INDEX shop.item_double ALTER COLUMN 1 SET STATISTICS 77;
CREATE STATISTICS shop.item_stats (dependencies, mcv) ON name, side FROM shop.item;
ALTER STATISTICS shop.item_stats SET STATISTICS 55;
CREATE POLICY own_items ON shop.item AS RESTRICTIVE FOR UPDATE TO corpus_reader USING (price > 0) WITH CHECK (name <> '');
CREATE TRIGGER touch BEFORE UPDATE OF note ON shop.item FOR EACH ROW WHEN (OLD.note IS DISTINCT FROM NEW.note) EXECUTE FUNCTION shop.touch();
COMMENT ON TRIGGER touch ON shop.item IS 'touches';
CREATE RULE keep AS ON DELETE TO shop.item DO INSTEAD NOTHING;
ALTER TABLE shop.item DISABLE RULE keep;
CREATE TABLE shop.line (item bigint NOT NULL, day date NOT NULL, UNIQUE (item, day)) PARTITION BY RANGE (day);
ALTER TABLE shop.line ADD CONSTRAINT line_item FOREIGN KEY (item) REFERENCES shop.item ON DELETE CASCADE DEFERRABLE;
CREATE TABLE shop.line_2026 PARTITION OF shop.line FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE shop.line_rest PARTITION OF shop.line DEFAULT;
CREATE INDEX line_day ON shop.line (day);
ALTER TABLE shop.item ADD CONSTRAINT item_side CHECK (side IS NOT NULL) NOT VALID;
CREATE TABLE shop.base (a int, b text);
CREATE TABLE shop.child (c int) INHERITS (shop.base);
CREATE UNLOGGED TABLE shop.scratch OF shop.pair;
CREATE VIEW shop.cheap WITH (security_barrier, check_option = cascaded) AS SELECT id, name FROM shop.item WHERE price < 5;
COMMENT ON COLUMN shop.cheap.name IS 'how it is called';
ALTER VIEW shop.cheap ALTER COLUMN name SET DEFAULT 'x';
CREATE MATERIALIZED VIEW shop.counted AS SELECT side, count(*) FROM shop.item GROUP BY side WITH NO DATA;
CREATE UNIQUE INDEX counted_side ON shop.counted (side);
CREATE FUNCTION shop.same(shop.pair, shop.pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a = ($2).a';
CREATE OPERATOR shop.=== (LEFTARG = shop.pair, RIGHTARG = shop.pair, FUNCTION = shop.same, COMMUTATOR = OPERATOR(shop.===));
COMMENT ON OPERATOR shop.=== (shop.pair, shop.pair) IS 'alike';
CREATE OPERATOR FAMILY shop.pairs USING hash;
CREATE FUNCTION shop.pair_hash(shop.pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a';
CREATE OPERATOR CLASS shop.pair_ops FOR TYPE shop.pair USING hash FAMILY shop.pairs AS OPERATOR 1 shop.===, FUNCTION 1 shop.pair_hash(shop.pair);
CREATE FUNCTION shop.pair_text(shop.pair) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ($1).b';
CREATE CAST (shop.pair AS text) WITH FUNCTION shop.pair_text AS ASSIGNMENT;
COMMENT ON CAST (shop.pair AS text) IS 'its second';
CREATE FUNCTION shop.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION shop.on_ddl();
ALTER EVENT TRIGGER watch DISABLE;
CREATE PUBLICATION feed FOR TABLE shop.item (id, name) WHERE (id > 3) WITH (publish = 'insert, update');
CREATE PUBLICATION whole FOR TABLES IN SCHEMA shop WITH (publish_via_partition_root);
CREATE FOREIGN DATA WRAPPER wrapper OPTIONS (debug 'true');
CREATE SERVER elsewhere TYPE 'pg' VERSION '15' FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost');
GRANT USAGE ON FOREIGN SERVER elsewhere TO corpus_reader;
CREATE USER MAPPING FOR corpus_reader SERVER elsewhere OPTIONS (user 'u', password 'hush');
CREATE FOREIGN TABLE shop.remote (a int OPTIONS (column_name 'b'), c text) SERVER elsewhere OPTIONS (table_name 'x');
CREATE TEXT SEARCH DICTIONARY shop.plain (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION shop.search (PARSER = default);
ALTER TEXT SEARCH CONFIGURATION shop.search ADD MAPPING FOR asciiword, word WITH shop.plain, simple;
CREATE TEXT SEARCH TEMPLATE shop.template (LEXIZE = dsimple_lexize, INIT = dsimple_init);
CREATE TEXT SEARCH PARSER shop.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE CONVERSION shop.conversion FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
ALTER DEFAULT PRIVILEGES FOR ROLE corpus_owner IN SCHEMA shop GRANT SELECT ON TABLES TO corpus_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE corpus_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC;
ALTER TABLE shop.line OWNER TO corpus_owner;
