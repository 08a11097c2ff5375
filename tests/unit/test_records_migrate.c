/* `ztc migrate`: each migration once, nothing unknown, and rights that really deny. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "records/migrate.h"
#include "records_server.h"
#include "records_sql.h"

#define DATABASE "ztc_test_migrate"
#define NOW_MS   1767225600123

static const struct migration first[] = {
    {1, "0001_thing",
     "CREATE TABLE thing (id bigint PRIMARY KEY, serial bigint GENERATED ALWAYS AS IDENTITY);\n"
     "CREATE TABLE booking (squad text, during tstzrange, EXCLUDE USING gist (squad WITH =, during"
     " WITH &&));\n"},
    {2, "0002_view",
     "CREATE SEQUENCE ticket; CREATE VIEW things AS SELECT * FROM thing;\n"
     "CREATE FUNCTION thing_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
     " SET search_path FROM CURRENT AS 'SELECT count(*) FROM thing';"}};
static const struct migration second[] = {{1, "0001_other", "CREATE TABLE other (id bigint);"}};

/* Roles are the server's, not the database's: named after this process. */
static char role_a[64];
static char role_b[64];
static char dsn[SERVER_DSN_MAX];
static char problem[512];

struct said {
    int applied, present, waiting;
};

static void say(const char *schema, int number, const char *name, const char *state, void *argument)
{
    struct said *said = argument;
    (void)schema;
    (void)number;
    (void)name;
    said->applied += strcmp(state, "applied") == 0;
    said->present += strcmp(state, "present") == 0;
    __atomic_add_fetch(&said->waiting, strcmp(state, "waiting") == 0, __ATOMIC_SEQ_CST);
}

static bool run(const struct migration *a, size_t count, struct said *said)
{
    const struct migrate_plan plans[] = {
        {"alpha", role_a, "it's a secret", a, count},
        {"beta", role_b, NULL, second, 1},
    };
    *said = (struct said){0, 0, 0};
    return migrate_run(dsn, plans, 2, NOW_MS, say, said, problem, sizeof problem);
}

static int fixture_new(void **state)
{
    (void)state;
    snprintf(role_a, sizeof role_a, "ztc_test_a_%d", (int)getpid());
    snprintf(role_b, sizeof role_b, "ztc_test_b_%d", (int)getpid());
    server_database_new(dsn, DATABASE);
    return 0;
}

static int fixture_destroy(void **state)
{
    (void)state;
    char text[256];
    char base[SERVER_DSN_MAX];
    server_database_drop(DATABASE);
    snprintf(text, sizeof text, "DROP ROLE IF EXISTS %s, %s", role_a, role_b);
    server_do(server_dsn(base, ""), text);
    return 0;
}

static void migrated(void)
{
    struct said said;
    if (!run(first, 2, &said))
        fail_msg("%s", problem);
    assert_int_equal(said.present, 0);
    assert_int_equal(said.applied, 3 + 2 * (int)records_migrations_count);
}

static void assert_value(const char *sql, const char *expected)
{
    char value[64];
    if (!server_try(dsn, sql, value))
        fail_msg("%s: %s", sql, value);
    assert_string_equal(value, expected);
}

static void a_fresh_database_then_nothing_to_do(void **state)
{
    (void)state;
    struct said said;
    migrated();
    assert_true(run(first, 2, &said));
    assert_int_equal(said.applied, 0);
    assert_int_equal(said.present, 3 + 2 * (int)records_migrations_count);
    assert_value("SELECT name FROM ztc_migration.applied WHERE schema = 'alpha' AND series = 'own'"
                 " AND number = 2",
                 "0002_view");
    assert_value("SELECT DISTINCT applied_at AT TIME ZONE 'UTC' FROM ztc_migration.applied",
                 "2026-01-01 00:00:00.123");
    assert_value("SELECT checksum = encode(sha256('CREATE TABLE other (id bigint);'), 'hex')"
                 " FROM ztc_migration.applied WHERE schema = 'beta' AND series = 'own'",
                 "t");
    assert_value("SELECT string_agg(DISTINCT tableowner::text, ',') FROM pg_tables"
                 " WHERE schemaname IN ('alpha', 'beta')",
                 "ztc_owner");
    assert_value("SELECT rolcanlogin OR rolsuper FROM pg_roles WHERE rolname = 'ztc_owner'", "f");
}

static void a_newer_build_adds_to_it(void **state)
{
    (void)state;
    struct said said;
    assert_true(run(first, 1, &said));
    assert_int_equal(said.applied, 2 + 2 * (int)records_migrations_count);
    assert_true(run(first, 2, &said));
    assert_int_equal(said.applied, 1);
}

static void what_is_not_known_is_refused(void **state)
{
    (void)state;
    struct said said;
    migrated();
    assert_false(run(first, 1, &said));
    assert_non_null(strstr(problem, "this build is older than the database"));
    assert_non_null(strstr(problem, "0002_view"));

    struct migration changed[] = {first[0], first[1]};
    changed[0].text = "CREATE TABLE thing (id integer);";
    assert_false(run(changed, 2, &said));
    assert_non_null(strstr(problem, "alpha: the own migration 0001_thing"));
    assert_non_null(strstr(problem, "another text"));

    struct migration gap[] = {first[0], first[1]};
    gap[1].number = 3;
    assert_false(run(gap, 2, &said));
    assert_non_null(strstr(problem, "no own migration 2 before 0002_view"));

    server_do(dsn, "DELETE FROM ztc_migration.applied WHERE schema = 'alpha' AND series = 'own'"
                   " AND number = 1");
    assert_false(run(first, 2, &said));
    assert_non_null(strstr(problem, "but not number 1"));
    assert_int_equal(said.applied + said.present, 0);
}

static void a_failing_migration_leaves_nothing_of_itself(void **state)
{
    (void)state;
    struct said said;
    struct migration broken[] = {
        first[0], {2, "0002_broken", "CREATE TABLE half (id bigint);\n\nSELECT nonsense;"}};
    assert_false(run(broken, 2, &said));
    assert_non_null(strstr(problem, "alpha: 0002_broken, line 3"));
    assert_value("SELECT to_regclass('alpha.half') IS NULL", "t");
    assert_value("SELECT count(*) FROM ztc_migration.applied WHERE series = 'own'", "1");
    broken[1].text = "CREATE TABLE half (id bigint); COMMIT;";
    assert_false(run(broken, 2, &said));
    assert_non_null(strstr(problem, "ends its transaction itself"));
    broken[1].text = "ALTER ROLE ztc_owner LOGIN";
    assert_false(run(broken, 2, &said));
    assert_non_null(strstr(problem, "42501"));
}

static void names_are_plain(void **state)
{
    (void)state;
    struct said said;
    static const char *const names[] = {"", "a\"b", "a b", "A", "1a", "pg_catalog", "a;b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct migrate_plan plan = {names[i], role_a, NULL, second, 1};
        assert_false(migrate_run(dsn, &plan, 1, NOW_MS, say, &said, problem, sizeof problem));
        assert_non_null(strstr(problem, "not a plain name"));
    }
}

static void no_server_is_a_problem(void **state)
{
    (void)state;
    struct said said;
    struct migrate_plan plan = {"alpha", role_a, NULL, second, 1};
    assert_false(
        migrate_run("host=/nonexistent", &plan, 1, NOW_MS, say, &said, problem, sizeof problem));
    assert_int_not_equal(strlen(problem), 0);
}

static void *run_in_thread(void *argument)
{
    const struct migrate_plan plans[] = {
        {"alpha", role_a, "it's a secret", first, 2},
        {"beta", role_b, NULL, second, 1},
    };
    char why[256];
    bool done = migrate_run(dsn, plans, 2, NOW_MS, say, argument, why, sizeof why);
    if (!done)
        fprintf(stderr, "%s\n", why);
    return done ? argument : NULL;
}

static void two_runs_at_once_take_turns(void **state)
{
    (void)state;
    struct said said[2] = {{0, 0, 0}, {0, 0, 0}};
    pthread_t threads[2];
    PGconn *holder = server_connect(dsn);
    PQclear(PQexec(holder, records_sql_migrate_lock.text));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_in_thread, &said[i]), 0);
    for (int i = 0; i < 2; i++) {
        while (__atomic_load_n(&said[i].waiting, __ATOMIC_SEQ_CST) == 0)
            poll(NULL, 0, 5);
    }
    PQfinish(holder);
    for (int i = 0; i < 2; i++) {
        void *done;
        pthread_join(threads[i], &done);
        assert_non_null(done);
    }
    int all = 3 + 2 * (int)records_migrations_count;
    assert_int_equal(said[0].applied + said[1].applied, all);
    assert_int_equal(said[0].present + said[1].present, all);
}

static void every_common_statement_fits_the_schema(void **state)
{
    (void)state;
    struct said said;
    const struct migrate_plan plans[] = {
        {"intake", role_a, NULL, NULL, 0},     {"dispatch", role_b, NULL, NULL, 0},
        {"evaluation", role_b, NULL, NULL, 0}, {"notification", role_b, NULL, NULL, 0},
        {"reporting", role_b, NULL, NULL, 0},
    };
    if (!migrate_run(dsn, plans, 5, NOW_MS, say, &said, problem, sizeof problem))
        fail_msg("%s", problem);
    PGconn *conn = server_connect(dsn);
    PQclear(PQexec(conn, "SET search_path = intake"));
    for (size_t i = 0; i < records_sql_count; i++) {
        const struct statement *statement = records_sql_all[i];
        PGresult *result = PQprepare(conn, statement->name, statement->text, 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            fail_msg("%s: %s", statement->name, PQresultErrorMessage(result));
        PQclear(result);
    }
    PQfinish(conn);
}

/* Rights. */

static void assert_as(const char *role, const char *sql, const char *expected)
{
    char value[64];
    PGconn *conn = server_connect(dsn);
    char text[1024];
    snprintf(text, sizeof text, "SET SESSION AUTHORIZATION %s", role);
    PQclear(PQexec(conn, text));
    PGresult *result = PQexec(conn, sql);
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(value, sizeof value, "%s", sqlstate == NULL ? "ok" : sqlstate);
    PQclear(result);
    PQfinish(conn);
    if (strcmp(value, expected) != 0)
        fail_msg("%s: %s: %s", role, sql, value);
}

#define EVENT(schema)                                                                              \
    "INSERT INTO " schema ".event VALUES (0, 1, '00000000-0000-8000-8000-000000000001', 't', 1, "  \
    "'d', 'k', 'epoch', 'epoch', '', '')"

static void a_role_has_its_own_schema(void **state)
{
    (void)state;
    migrated();
    assert_as(role_a, "INSERT INTO alpha.thing VALUES (1)", "ok");
    assert_as(role_a, "UPDATE alpha.thing SET id = 2", "ok");
    assert_as(role_a, "SELECT id FROM alpha.things", "ok");
    assert_as(role_a, "DELETE FROM alpha.thing", "ok");
    assert_as(role_a, "INSERT INTO alpha.booking VALUES ('s', '[2026-01-01, 2026-01-02)')", "ok");
    assert_as(role_a, "INSERT INTO alpha.booking VALUES ('s', '[2026-01-01, 2026-01-02)')",
              "23P01");
    assert_as(role_a, "SELECT nextval('alpha.ticket'), alpha.thing_count()", "ok");
    assert_as(role_a, "SELECT alpha.log_partition_ensure(1500000)", "ok");
    assert_as(role_a, EVENT("alpha"), "ok");
    assert_as(role_a, "SELECT * FROM alpha.event", "ok");
    assert_as(role_a, "INSERT INTO alpha.log_head VALUES (0, 1)", "ok");
    assert_as(role_a, "INSERT INTO alpha.cursor VALUES ('beta', 0, 0, 1)", "ok");
    assert_as(role_a, "DELETE FROM alpha.cursor", "ok");
}

static void its_log_is_only_added_to(void **state)
{
    (void)state;
    migrated();
    assert_as(role_a, EVENT("alpha"), "ok");
    assert_as(role_a, "UPDATE alpha.event SET body = ''", "42501");
    assert_as(role_a, "DELETE FROM alpha.event", "42501");
    assert_as(role_a, "TRUNCATE alpha.event", "42501");
    assert_as(role_a, "UPDATE alpha.event_000000 SET body = ''", "42501");
    assert_as(role_a, "DELETE FROM alpha.event_000000", "42501");
    assert_as(role_a, "SELECT alpha.log_partition_ensure(2500000)", "ok");
    assert_as(role_a, "DELETE FROM alpha.event_000001", "42501");
    assert_as(role_a, "DROP TABLE alpha.event_000000", "42501");
    assert_as(role_a, "DELETE FROM alpha.log_head", "42501");
    assert_as(role_a, "UPDATE alpha.log_head SET part = 1", "42501");
}

static void other_schemas_show_their_log_and_lease_only(void **state)
{
    (void)state;
    migrated();
    assert_as(role_b, "SELECT * FROM alpha.event", "ok");
    assert_as(role_b, "SELECT * FROM alpha.lease", "ok");
    assert_as(role_b, EVENT("alpha"), "42501");
    assert_as(role_b, "UPDATE alpha.lease SET epoch = 9", "42501");
    assert_as(role_b, "DELETE FROM alpha.lease", "42501");
    assert_as(role_b, "SELECT * FROM alpha.command", "42501");
    assert_as(role_b, "SELECT * FROM alpha.cursor", "42501");
    assert_as(role_b, "SELECT * FROM alpha.log_head", "42501");
    assert_as(role_b, "SELECT * FROM alpha.things", "42501");
    assert_as(role_b, "INSERT INTO alpha.thing VALUES (1)", "42501");
    assert_as(role_b, "SELECT alpha.thing_count()", "42501");
    assert_as(role_b, "SELECT alpha.log_partition_ensure(9)", "42501");
    assert_as(role_b, "SELECT nextval('alpha.ticket')", "42501");
}

static void nobody_makes_anything(void **state)
{
    (void)state;
    migrated();
    const char *const roles[] = {role_a, role_b};
    for (size_t i = 0; i < 2; i++) {
        assert_as(roles[i], "CREATE TABLE alpha.mine (id int)", "42501");
        assert_as(roles[i], "CREATE TABLE beta.mine (id int)", "42501");
        assert_as(roles[i], "CREATE TABLE public.mine (id int)", "42501");
        assert_as(roles[i], "CREATE TEMPORARY TABLE mine (id int)", "42501");
        assert_as(roles[i], "CREATE SCHEMA mine", "42501");
        assert_as(roles[i], "SELECT * FROM ztc_migration.applied", "42501");
        assert_as(roles[i], "SET ROLE ztc_owner", "42501");
    }
}

static void rights_given_by_hand_are_taken_back(void **state)
{
    (void)state;
    struct said said;
    char text[256];
    migrated();
    snprintf(text, sizeof text,
             "GRANT ALL ON alpha.event TO %s; GRANT ALL ON alpha.thing TO PUBLIC;"
             "GRANT ALL ON SCHEMA alpha TO %s",
             role_a, role_b);
    server_do(dsn, text);
    assert_as(role_a, "DELETE FROM alpha.event", "ok");
    assert_true(run(first, 2, &said));
    assert_as(role_a, "DELETE FROM alpha.event", "42501");
    assert_as(role_b, "SELECT * FROM alpha.thing", "42501");
    assert_as(role_b, "CREATE TABLE alpha.mine (id int)", "42501");
    assert_as(role_a, "SELECT * FROM alpha.event", "ok");
}

static void strangers_may_not_connect(void **state)
{
    (void)state;
    migrated();
    char text[512];
    char value[64];
    snprintf(text, sizeof text,
             "SELECT has_database_privilege('%s', current_database(), 'CONNECT') AND"
             " NOT has_database_privilege('pg_monitor', current_database(), 'CONNECT') AND"
             " rolpassword LIKE 'SCRAM-SHA-256$%%' FROM pg_authid WHERE rolname = '%s'",
             role_b, role_a);
    assert_true(server_try(dsn, text, value));
    assert_string_equal(value, "t");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, fixture_new, fixture_destroy)

int main(void)
{
    server_base();
    const struct CMUnitTest tests[] = {
        CASE(a_fresh_database_then_nothing_to_do),
        CASE(a_newer_build_adds_to_it),
        CASE(what_is_not_known_is_refused),
        CASE(a_failing_migration_leaves_nothing_of_itself),
        CASE(names_are_plain),
        CASE(no_server_is_a_problem),
        CASE(two_runs_at_once_take_turns),
        CASE(every_common_statement_fits_the_schema),
        CASE(a_role_has_its_own_schema),
        CASE(its_log_is_only_added_to),
        CASE(other_schemas_show_their_log_and_lease_only),
        CASE(nobody_makes_anything),
        CASE(rights_given_by_hand_are_taken_back),
        CASE(strangers_may_not_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
