//! Cases of revisions on tables with rows. Long because it is a list of cases.

/// The tables before, the upgrade, the downgrade, the code, and a part of the message.
pub(crate) type Defect = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Upgrades that fail on rows.
pub(crate) const UP: &[Defect] = &[
    (
        "CREATE TABLE u1 (id int PRIMARY KEY)",
        "ALTER TABLE u1 ADD COLUMN note text NOT NULL",
        "ALTER TABLE u1 DROP COLUMN note",
        "MG410",
        "the row that breaks it: u1 {\"id\":",
    ),
    (
        "CREATE TABLE u2 (id int PRIMARY KEY, note text)",
        "ALTER TABLE u2 ALTER note SET NOT NULL",
        "ALTER TABLE u2 ALTER note DROP NOT NULL",
        "MG410",
        "\"note\":null}",
    ),
    (
        "CREATE DOMAIN u3_d AS text NOT NULL;\nCREATE TABLE u3 (note text)",
        "ALTER TABLE u3 ALTER note TYPE u3_d",
        "ALTER TABLE u3 ALTER note TYPE text",
        "MG410",
        "u3 {\"note\":null}",
    ),
    (
        "CREATE TABLE u4 (id serial PRIMARY KEY, email text)",
        "ALTER TABLE u4 ADD CONSTRAINT u4_email UNIQUE (email)",
        "ALTER TABLE u4 DROP CONSTRAINT u4_email",
        "MG411",
        "Key (email)=(",
    ),
    (
        "CREATE TABLE u5 (email text NOT NULL UNIQUE)",
        "CREATE UNIQUE INDEX u5_lower ON u5 (lower(email))",
        "DROP INDEX u5_lower",
        "MG411",
        "Key (lower(email))=(abc)",
    ),
    (
        "CREATE TABLE u6 (a int NOT NULL, b int NOT NULL)",
        "ALTER TABLE u6 ADD PRIMARY KEY (a)",
        "ALTER TABLE u6 DROP CONSTRAINT u6_pkey",
        "MG411",
        "Key (a)=(",
    ),
    (
        "CREATE TABLE u7 (during int4range)",
        "ALTER TABLE u7 ADD CONSTRAINT u7_apart EXCLUDE USING gist (during WITH &&)",
        "ALTER TABLE u7 DROP CONSTRAINT u7_apart",
        "MG411",
        "conflicts with key",
    ),
    (
        "CREATE TABLE u8_p (id int PRIMARY KEY);\nCREATE TABLE u8 (p_id int)",
        "ALTER TABLE u8 ADD FOREIGN KEY (p_id) REFERENCES u8_p",
        "ALTER TABLE u8 DROP CONSTRAINT u8_p_id_fkey",
        "MG412",
        "is not present in table \"u8_p\"",
    ),
    (
        "CREATE TABLE u9_p (a int, b int, PRIMARY KEY (a, b));\nCREATE TABLE u9 (a int NOT NULL, b int NOT NULL)",
        "ALTER TABLE u9 ADD CONSTRAINT u9_fk FOREIGN KEY (a, b) REFERENCES u9_p NOT VALID;\nALTER TABLE u9 VALIDATE CONSTRAINT u9_fk",
        "ALTER TABLE u9 DROP CONSTRAINT u9_fk",
        "MG412",
        "is not present in table \"u9_p\"",
    ),
    (
        "CREATE TABLE u10_p (id int PRIMARY KEY);\nCREATE TABLE u10 (p_id int NOT NULL REFERENCES u10_p)",
        "DELETE FROM u10_p",
        "",
        "MG412",
        "is still referenced from table \"u10\"",
    ),
    (
        "CREATE TABLE u11 (code text)",
        "ALTER TABLE u11 ALTER code TYPE int USING code::int",
        "ALTER TABLE u11 ALTER code TYPE text",
        "MG417",
        "u11.code is given no values but those that revision",
    ),
    (
        "CREATE TABLE u12 (born text NOT NULL)",
        "ALTER TABLE u12 ALTER born TYPE date USING born::date",
        "ALTER TABLE u12 ALTER born TYPE text",
        "MG417",
        "u12.born is given no values but those that revision",
    ),
    (
        "CREATE TABLE u13 (name varchar(100))",
        "ALTER TABLE u13 ALTER name TYPE varchar(5)",
        "ALTER TABLE u13 ALTER name TYPE varchar(100)",
        "MG413",
        "value too long",
    ),
    (
        "CREATE TABLE u14 (a int)",
        "ALTER TABLE u14 ADD CONSTRAINT u14_positive CHECK (a > 0)",
        "ALTER TABLE u14 DROP CONSTRAINT u14_positive",
        "MG413",
        "the row that breaks it: u14 {\"a\":",
    ),
    (
        "CREATE TABLE u15 (a int)",
        "ALTER TABLE u15 ADD CONSTRAINT u15_positive CHECK (a > 0) NOT VALID;\nALTER TABLE u15 VALIDATE CONSTRAINT u15_positive",
        "ALTER TABLE u15 DROP CONSTRAINT u15_positive",
        "MG413",
        "u15 {\"a\":",
    ),
    (
        "CREATE DOMAIN u16_d AS int;\nCREATE TABLE u16 (a u16_d)",
        "ALTER DOMAIN u16_d ADD CONSTRAINT u16_positive CHECK (VALUE > 0);\nSELECT a FROM u16 LIMIT 0",
        "ALTER DOMAIN u16_d DROP CONSTRAINT u16_positive",
        "MG413",
        "u16 {\"a\":",
    ),
    (
        "CREATE TYPE u17_e AS ENUM ('open', 'shut', 'ajar');\nCREATE TABLE u17 (state u17_e NOT NULL)",
        "ALTER TYPE u17_e RENAME TO u17_old;\nCREATE TYPE u17_e AS ENUM ('open', 'shut');\nALTER TABLE u17 ALTER state TYPE u17_e USING state::text::u17_e;\nDROP TYPE u17_old",
        "ALTER TYPE u17_e RENAME TO u17_old;\nCREATE TYPE u17_e AS ENUM ('open', 'shut', 'ajar');\nALTER TABLE u17 ALTER state TYPE u17_e USING state::text::u17_e;\nDROP TYPE u17_old",
        "MG413",
        "u17 {\"state\":\"ajar\"}",
    ),
    (
        "CREATE TABLE u18 (total int, parts int)",
        "ALTER TABLE u18 ADD COLUMN share int;\nUPDATE u18 SET share = total / parts",
        "ALTER TABLE u18 DROP COLUMN share",
        "MG413",
        "\"parts\":0",
    ),
    (
        "CREATE TABLE u19 (d date NOT NULL) PARTITION BY RANGE (d);\nCREATE TABLE u19_1 (d date NOT NULL)",
        "ALTER TABLE u19 ATTACH PARTITION u19_1 FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')",
        "ALTER TABLE u19 DETACH PARTITION u19_1",
        "MG413",
        "u19_1 {\"d\":\"",
    ),
    (
        "CREATE TABLE u20 (data text)",
        "ALTER TABLE u20 ALTER data TYPE jsonb USING data::jsonb",
        "ALTER TABLE u20 ALTER data TYPE text",
        "MG417",
        "it takes a text for JSON",
    ),
    (
        "CREATE TABLE u21 (on_or_off varchar(10))",
        "ALTER TABLE u21 ALTER on_or_off TYPE boolean USING on_or_off::boolean",
        "ALTER TABLE u21 ALTER on_or_off TYPE varchar(10)",
        "MG417",
        "u21.on_or_off is given no values but those that revision",
    ),
    (
        "CREATE TABLE u22_p (id int PRIMARY KEY, code text NOT NULL);\nCREATE TABLE u22 (code text, p_id int)",
        "UPDATE u22 SET p_id = (SELECT id FROM u22_p WHERE u22_p.code >= u22.code)",
        "",
        "MG414",
        "CardinalityViolation",
    ),
    (
        "CREATE TABLE u23 (note text)",
        "python: [row.note.strip() for row in op.get_bind().exec_driver_sql('SELECT note FROM u23')]",
        "",
        "MG414",
        "u23 {\"note\":null}",
    ),
    (
        "CREATE TABLE u24 (a int NOT NULL)",
        "DO $$ BEGIN IF EXISTS (SELECT FROM u24) THEN RAISE 'not empty'; END IF; END $$",
        "",
        "MG414",
        "u24 {\"a\":",
    ),
    (
        "CREATE TABLE u25 (a int)",
        "ALTER TABLE u25 ALTER a TYPE smallint",
        "ALTER TABLE u25 ALTER a TYPE int",
        "MG415",
        "smallint out of range",
    ),
    (
        "CREATE TABLE u26 (a int)",
        "ALTER TABLE u26 ADD COLUMN b int GENERATED ALWAYS AS (a * 2) STORED",
        "ALTER TABLE u26 DROP COLUMN b",
        "MG415",
        "integer out of range",
    ),
    (
        "CREATE TABLE u27 (price numeric(12, 2))",
        "ALTER TABLE u27 ALTER price TYPE numeric(6, 2)",
        "ALTER TABLE u27 ALTER price TYPE numeric(12, 2)",
        "MG415",
        "numeric field overflow",
    ),
    (
        "CREATE TABLE u28 (state varchar(20) NOT NULL)",
        "DO $$ BEGIN CREATE TYPE u28_e AS ENUM ('draft', 'paid'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;\nALTER TABLE u28 ALTER state TYPE u28_e USING state::u28_e",
        "ALTER TABLE u28 ALTER state TYPE varchar(20) USING state::text;\nDROP TYPE u28_e",
        "MG417",
        "u28.state is given no values but those that revision",
    ),
    (
        "CREATE TABLE u29 (state varchar(20) NOT NULL, code text)",
        "ALTER TABLE u29 ADD CONSTRAINT u29_state CHECK (state IN ('new', 'closed')), ADD CONSTRAINT u29_code CHECK (code ~ '^[A-Z]{2}$')",
        "ALTER TABLE u29 DROP CONSTRAINT u29_state, DROP CONSTRAINT u29_code",
        "MG417",
        "it takes texts that no schema shows",
    ),
    (
        "CREATE TABLE u30 (a double precision)",
        "ALTER TABLE u30 ALTER a TYPE numeric(12, 2)",
        "ALTER TABLE u30 ALTER a TYPE double precision",
        "MG415",
        "numeric field overflow",
    ),
    (
        "CREATE TABLE u31_p (id int PRIMARY KEY);\nCREATE TABLE u31 (p_id int NOT NULL REFERENCES u31_p, page int NOT NULL)",
        "ALTER TABLE u31_p ADD COLUMN first int;\nUPDATE u31_p SET first = 1;\nALTER TABLE u31 ADD CONSTRAINT u31_page CHECK (page >= 1)",
        "ALTER TABLE u31 DROP CONSTRAINT u31_page;\nALTER TABLE u31_p DROP COLUMN first",
        "MG413",
        "\"page\":0",
    ),
];

/// Downgrades that fail on rows.
pub(crate) const DOWN: &[Defect] = &[
    (
        "CREATE TABLE d1 (a int NOT NULL)",
        "ALTER TABLE d1 ALTER a DROP NOT NULL;\nUPDATE d1 SET a = NULL",
        "ALTER TABLE d1 ALTER a SET NOT NULL",
        "MG410",
        "the downgrade of revision",
    ),
    (
        "CREATE TABLE d2 (id int PRIMARY KEY, note text NOT NULL)",
        "ALTER TABLE d2 DROP COLUMN note",
        "ALTER TABLE d2 ADD COLUMN note text NOT NULL",
        "MG410",
        "d2 {\"id\":",
    ),
    (
        "CREATE TABLE d3 (code text CONSTRAINT d3_code UNIQUE)",
        "ALTER TABLE d3 DROP CONSTRAINT d3_code;\nUPDATE d3 SET code = 'same'",
        "ALTER TABLE d3 ADD CONSTRAINT d3_code UNIQUE (code)",
        "MG411",
        "Key (code)=(same)",
    ),
    (
        "CREATE TABLE d4 (a int)",
        "ALTER TABLE d4 ALTER a TYPE text USING coalesce(a::text, '') || ' items'",
        "ALTER TABLE d4 ALTER a TYPE int USING a::int",
        "MG413",
        "d4 {\"a\":",
    ),
];

/// Round trips that lose rows or values.
pub(crate) const LOST: &[Defect] = &[
    (
        "CREATE TABLE l2 (id int PRIMARY KEY)",
        "DELETE FROM l2",
        "",
        "MG416",
        "l2: 32 of 32 rows lost",
    ),
    (
        "CREATE TABLE l3 (id int PRIMARY KEY, note text)",
        "UPDATE l3 SET note = upper(note)",
        "",
        "MG416",
        "'abc' to 'ABC' for one, by the upgrade",
    ),
    (
        "CREATE TABLE l4 (id int)",
        "DROP TABLE l4;\nCREATE TABLE l4 (id int)",
        "DROP TABLE l4;\nCREATE TABLE l4 (id int)",
        "MG416",
        "l4: ",
    ),
    (
        "CREATE TABLE l5 (id int PRIMARY KEY, price numeric(12, 4) CHECK (price < 1000 AND price > 0))",
        "ALTER TABLE l5 ALTER price TYPE numeric(12, 2)",
        "ALTER TABLE l5 ALTER price TYPE numeric(12, 4)",
        "MG416",
        "l5.price: ",
    ),
    (
        "CREATE TABLE l6 (id int PRIMARY KEY, at timestamptz)",
        "ALTER TABLE l6 ALTER at TYPE date",
        "ALTER TABLE l6 ALTER at TYPE timestamptz",
        "MG416",
        "l6.at: ",
    ),
    (
        "CREATE TABLE l7 (id int PRIMARY KEY, note text)",
        "ALTER TABLE l7 ADD COLUMN title text",
        "ALTER TABLE l7 DROP COLUMN title;\nUPDATE l7 SET note = NULL",
        "MG416",
        "by the downgrade of revision",
    ),
];

/// Changes that keep all rows: the tables before, the upgrade and the downgrade.
pub(crate) const SOUND: &[(&str, &str, &str)] = &[
    (
        "CREATE TABLE s1 (id int PRIMARY KEY, x int NOT NULL, c int NOT NULL, r0 text, v0 text, t text, \"row\" int, CHECK (x < c))",
        "ALTER TABLE s1 ADD COLUMN note text NOT NULL DEFAULT ''",
        "ALTER TABLE s1 DROP COLUMN note",
    ),
    (
        "CREATE TABLE s2 (id int PRIMARY KEY, note text)",
        "CREATE TABLE s2_had AS SELECT id FROM s2 WHERE note IS NULL;\nUPDATE s2 SET note = '' WHERE note IS NULL;\nALTER TABLE s2 ALTER note SET NOT NULL",
        "ALTER TABLE s2 ALTER note DROP NOT NULL;\nUPDATE s2 SET note = NULL WHERE id IN (SELECT id FROM s2_had);\nDROP TABLE s2_had",
    ),
    (
        "CREATE TABLE s3 (id serial PRIMARY KEY, email text)",
        "CREATE TABLE s3_twice AS SELECT a.id, a.email FROM s3 a WHERE EXISTS (SELECT FROM s3 b WHERE b.email = a.email AND b.id < a.id);\nUPDATE s3 SET email = NULL WHERE id IN (SELECT id FROM s3_twice);\nALTER TABLE s3 ADD CONSTRAINT s3_email UNIQUE (email)",
        "ALTER TABLE s3 DROP CONSTRAINT s3_email;\nUPDATE s3 SET email = t.email FROM s3_twice t WHERE t.id = s3.id;\nDROP TABLE s3_twice",
    ),
    (
        "CREATE TABLE s4 (id int PRIMARY KEY, code text)",
        "ALTER TABLE s4 ADD COLUMN number int;\nUPDATE s4 SET number = code::int WHERE code ~ '^[0-9]{1,9}$'",
        "ALTER TABLE s4 DROP COLUMN number",
    ),
    (
        "CREATE TABLE s5 (id int PRIMARY KEY, price numeric(10, 2))",
        "ALTER TABLE s5 ALTER price TYPE bigint USING (price * 100)::bigint",
        "ALTER TABLE s5 ALTER price TYPE numeric(10, 2) USING price / 100.0",
    ),
    (
        "CREATE TYPE s6_e AS ENUM ('a', 'b');\nCREATE DOMAIN s6_d AS text CHECK (VALUE ~ '^[A-Z]{2}-[0-9]{3}$');\nCREATE TABLE s6_p (code s6_d PRIMARY KEY, kind s6_e NOT NULL, tags text[] NOT NULL, data jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object' AND data ? 'kind'), hash bytea NOT NULL CHECK (octet_length(hash) = 20));\nCREATE TABLE s6 (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code s6_d NOT NULL REFERENCES s6_p, low int NOT NULL, high int NOT NULL, CHECK (low < high AND low > 1000), parent int REFERENCES s6, during tstzrange, EXCLUDE USING gist (during WITH &&))",
        "ALTER TABLE s6 ADD COLUMN note text NOT NULL DEFAULT 'none'",
        "ALTER TABLE s6 DROP COLUMN note",
    ),
    (
        "CREATE TYPE s8_c AS (a int, b text);\nCREATE TABLE s8 (id uuid PRIMARY KEY, c s8_c NOT NULL, p point NOT NULL, m int4multirange NOT NULL, v tsvector NOT NULL, h inet NOT NULL, l s8_c[] NOT NULL, b bit(4) NOT NULL, d interval NOT NULL) PARTITION BY HASH (id);\nCREATE TABLE s8_0 PARTITION OF s8 FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        "ALTER TABLE s8 ADD COLUMN note text",
        "ALTER TABLE s8 DROP COLUMN note",
    ),
    (
        "CREATE TABLE s7 (region text NOT NULL, d date NOT NULL, PRIMARY KEY (region, d)) PARTITION BY LIST (region);\nCREATE TABLE s7_eu PARTITION OF s7 FOR VALUES IN ('eu') PARTITION BY RANGE (d);\nCREATE TABLE s7_eu_1 PARTITION OF s7_eu FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "ALTER TABLE s7 ADD COLUMN note text",
        "ALTER TABLE s7 DROP COLUMN note",
    ),
];
