//! SQLSTATEs by the names that drivers give to their exception classes.

/// The class names of psycopg (2 and 3), with their SQLSTATE; asyncpg adds `Error` to most of them.
/// They come from the condition names in Postgres's list of error codes:
/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
const CLASSES: &[(&str, &str)] = &[
    ("ActiveSqlTransaction", "25001"),
    ("AdminShutdown", "57P01"),
    ("AmbiguousColumn", "42702"),
    ("CannotCoerce", "42846"),
    ("CheckViolation", "23514"),
    ("ConnectionException", "08000"),
    ("ConnectionFailure", "08006"),
    ("DatatypeMismatch", "42804"),
    ("DeadlockDetected", "40P01"),
    ("DependentObjectsStillExist", "2BP01"),
    ("DiskFull", "53100"),
    ("DivisionByZero", "22012"),
    ("DuplicateColumn", "42701"),
    ("DuplicateFunction", "42723"),
    ("DuplicateObject", "42710"),
    ("DuplicateSchema", "42P06"),
    ("DuplicateTable", "42P07"),
    ("ExclusionViolation", "23P01"),
    ("FeatureNotSupported", "0A000"),
    ("ForeignKeyViolation", "23503"),
    ("GroupingError", "42803"),
    ("InFailedSqlTransaction", "25P02"),
    ("IndeterminateDatatype", "42P18"),
    ("InsufficientPrivilege", "42501"),
    ("InvalidColumnReference", "42P10"),
    ("InvalidDatetimeFormat", "22007"),
    ("InvalidForeignKey", "42830"),
    ("InvalidObjectDefinition", "42P17"),
    ("InvalidSchemaName", "3F000"),
    ("InvalidTableDefinition", "42P16"),
    ("InvalidTextRepresentation", "22P02"),
    ("LockNotAvailable", "55P03"),
    ("NotNullViolation", "23502"),
    ("NumericValueOutOfRange", "22003"),
    ("ObjectInUse", "55006"),
    ("ObjectNotInPrerequisiteState", "55000"),
    ("OutOfMemory", "53200"),
    ("QueryCanceled", "57014"),
    ("RaiseException", "P0001"),
    ("ReadOnlySqlTransaction", "25006"),
    ("SerializationFailure", "40001"),
    ("StringDataRightTruncation", "22001"),
    ("SyntaxError", "42601"),
    ("UndefinedColumn", "42703"),
    ("UndefinedFile", "58P01"),
    ("UndefinedFunction", "42883"),
    ("UndefinedObject", "42704"),
    ("UndefinedParameter", "42P02"),
    ("UndefinedTable", "42P01"),
    ("UniqueViolation", "23505"),
    ("UnsafeNewEnumValueUsage", "55P04"),
    ("WrongObjectType", "42809"),
];

/// The SQLSTATE of a driver's exception class, by its full name.
pub(super) fn of_class(kind: &str) -> Option<&'static str> {
    let (module, class) = kind.rsplit_once('.')?;
    if !(module.starts_with("psycopg") || module.starts_with("asyncpg")) {
        return None;
    }
    let plain = class.strip_suffix("Error").unwrap_or(class);
    // asyncpg writes `ActiveSQLTransaction`.
    let is = |name: &str| name == class || name.eq_ignore_ascii_case(plain);
    CLASSES.iter().find(|(name, _)| is(name)).map(|(_, state)| *state)
}

/// The SQLSTATE of a message, if the class does not determine it: psql prints no class, and the
/// runbook's own examples name classes that Postgres does not use for them. Whole messages, never
/// parts of a log.
pub(super) fn of_message(message: &str) -> Option<&'static str> {
    let known: &[(&str, &str, &str)] = &[
        ("role ", " does not exist", "42704"),
        ("type ", " does not exist", "42704"),
        ("type ", " already exists", "42710"),
        ("role ", " already exists", "42710"),
        ("index ", " does not exist", "42704"),
        ("constraint ", " does not exist", "42704"),
        ("trigger ", " does not exist", "42704"),
        ("policy ", " does not exist", "42704"),
        ("constraint ", " already exists", "42710"),
        ("trigger ", " already exists", "42710"),
        ("policy ", " already exists", "42710"),
        ("column ", " already exists", "42701"),
        ("table ", " does not exist", "42P01"),
        ("view ", " does not exist", "42P01"),
        ("sequence ", " does not exist", "42P01"),
        ("schema ", " does not exist", "3F000"),
        ("schema ", " already exists", "42P06"),
        ("relation ", " does not exist", "42P01"),
        ("relation ", " already exists", "42P07"),
        ("column ", " does not exist", "42703"),
        ("function ", " does not exist", "42883"),
        ("functions in index ", " must be marked IMMUTABLE", "42P17"),
        ("cannot use a non-immutable function in index ", "", "42P17"),
        ("generation expression is not immutable", "", "42P17"),
        ("permission denied ", "", "42501"),
        ("syntax error ", "", "42601"),
        ("could not extend file ", "", "53100"),
    ];
    known
        .iter()
        .find(|(start, end, _)| message.starts_with(start) && message.ends_with(end))
        .map(|(_, _, state)| *state)
}
