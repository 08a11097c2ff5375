/* SQL as data. Every statement is one file, <room>/sql/NAME.sql, embedded at build as `const struct
 * statement <room>_sql_NAME`; every migration one file, <room>/migrations/NNNN_NAME.sql, embedded
 * in order in `const struct migration <room>_migrations[]`, of `const size_t
 * <room>_migrations_count`. <room>_sql.h declares them all. A statement is known by its address:
 * one object a file.
 *
 * Statements of every batch take their rows by `FROM (SELECT unnest($1), unnest($2), …)`: `FROM
 * unnest($1, $2, …)` would write them all down in PostgreSQL first and read them again. */
#ifndef ZTC_RECORDS_STATEMENT_H
#define ZTC_RECORDS_STATEMENT_H

struct statement {
    const char *name; /* as the file's, for messages */
    const char *text;
};

struct migration {
    int number;       /* from 1 without gaps */
    const char *name; /* "0001_log" */
    const char *text; /* any number of statements, run in one transaction */
};

#endif
