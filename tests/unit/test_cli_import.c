/* ztc import: CSV quirks, the mapping, slugs and codes, rows, the progress file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"
#include "cli/csv_rows.h"
#include "cli/import_codes.h"
#include "cli/import_resume.h"
#include "cli/import_row.h"

static char scratch[] = "/tmp/ztc-import-XXXXXX";

static const char *file_of(const char *content, size_t length)
{
    FILE *out = fopen(scratch, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(content, 1, length, out), length);
    fclose(out);
    return scratch;
}

static int make_scratch(void **state)
{
    (void)state;
    int descriptor = mkstemp(scratch);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int drop_scratch(void **state)
{
    (void)state;
    return unlink(scratch);
}

/* --- CSV -------------------------------------------------------------------------------------- */

/* The rows as text: "line:field|field" each, or "line!trouble". Rows of several lines whose count
 * is not the first row's are given back, as an import does. */
static char *rows_told(const char *content, size_t length)
{
    static const char *const troubles[] = {"", "quote", "long", "many"};
    char *told = NULL;
    size_t told_length = 0, columns = 0;
    FILE *out = open_memstream(&told, &told_length);
    struct byte_source *source = byte_source_open(file_of(content, length));
    assert_non_null(source);
    struct csv_rows *rows = csv_rows_new(source);
    struct csv_row row;
    while (csv_rows_next(rows, &row) == CSV_NEXT_ROW) {
        if (columns == 0)
            columns = row.count;
        if (row.lines > 1 && row.trouble == CSV_FINE && row.count != columns)
            csv_rows_retreat(rows, &row);
        fprintf(out, "%lld", (long long)row.line);
        if (row.trouble != CSV_FINE)
            fprintf(out, "!%s", troubles[row.trouble]);
        for (size_t i = 0; i < row.count; i++)
            fprintf(out, "%c%.*s", i == 0 ? ':' : '|', TEXT_ARG(row.fields[i]));
        fputs("; ", out);
    }
    csv_rows_destroy(&rows);
    byte_source_close(&source);
    fclose(out);
    return told;
}

static void assert_rows(const char *content, const char *expected)
{
    char *told = rows_told(content, strlen(content));
    assert_string_equal(told, expected);
    free(told);
}

static void test_csv_quirks(void **state)
{
    (void)state;
    assert_rows("a,b\n1,2\n", "1:a|b; 2:1|2; ");
    assert_rows("a,b\r\n1,2\r\n", "1:a|b; 2:1|2; ");
    assert_rows("a,b\r1,2\r", "1:a|b; 2:1|2; ");
    assert_rows("a,b\n1,2", "1:a|b; 2:1|2; ");
    assert_rows("a,b\n\n\r\n1,2\n\n", "1:a|b; 4:1|2; ");
    assert_rows("\xef\xbb\xbf"
                "a,b\n",
                "1:a|b; ");
    assert_rows("a,b\n\"x,\"\"y\"\"\",\n", "1:a|b; 2:x,\"y\"|; ");
    assert_rows("a,b\n in ,\tt\t\n", "1:a|b; 2: in |\tt\t; ");
    assert_rows("a,b\nsay \"hi\",2\n", "1:a|b; 2:say \"hi\"|2; ");
    assert_rows("a,b\n\"one\ntwo\r\nthree\",2\n4,5\n", "1:a|b; 2:one\ntwo\r\nthree|2; 5:4|5; ");
    assert_rows("a,b\n,\n", "1:a|b; 2:|; ");
    assert_rows("a,b\n1\n1,2,3\n", "1:a|b; 2:1; 3:1|2|3; ");
    assert_rows("", "");
}

static void test_csv_goes_on_after_a_stray_quote(void **state)
{
    (void)state;
    /* Never closed: the first line alone is lost. */
    assert_rows("a,b\n\"1,2\n3,4\n5,6\n", "1:a|b; 2!quote; 3:3|4; 4:5|6; ");
    assert_rows("a,b\n1,\"2", "1:a|b; 2!quote; ");
    /* Closed by another row's quote: what it swallowed is read again. */
    assert_rows("a,b\n\"1,2\n3,4\nx\"5,6\"\n7,8\n", "1:a|b; 2; 3:3|4; 4:x\"5|6\"; 5:7|8; ");
    assert_rows("a,b\n\"1,2\n3,4\n\",5,6\n7,8\n", "1:a|b; 2; 3:3|4; 4!quote; 5:7|8; ");
}

static void test_csv_bounds(void **state)
{
    (void)state;
    size_t length = CSV_LINE_MAX + 100;
    char *content = malloc(length + 8);
    memset(content, 'x', length);
    memcpy(content + length, "\n1,2\n", 6);
    char *told = rows_told(content, length + 5);
    assert_non_null(strstr(told, "1!long"));
    assert_non_null(strstr(told, "2:1|2; "));
    free(told);
    memset(content, ',', CSV_FIELDS_MAX + 5);
    memcpy(content + CSV_FIELDS_MAX + 5, "\n1,2\n", 6);
    told = rows_told(content, CSV_FIELDS_MAX + 10);
    assert_non_null(strstr(told, "1!many"));
    assert_non_null(strstr(told, "2:1|2; "));
    free(told);
    free(content);
}

/* A quote that is never closed in a large file must not gather all of it. */
static void test_csv_open_quote_in_a_large_file(void **state)
{
    (void)state;
    size_t lines = 3 * CSV_ROW_MAX / 8;
    char *content = malloc(8 * lines + 16), *told;
    size_t length = (size_t)sprintf(content, "a,b\n\"x,y\n");
    for (size_t i = 0; i < lines; i++, length += 8)
        memcpy(content + length, "123,456\n", 8);
    told = rows_told(content, length);
    assert_memory_equal(told, "1:a|b; 2!quote; 3:123|456; ", 27);
    size_t rows = 0;
    for (const char *at = told; (at = strchr(at, ';')) != NULL; at++)
        rows++;
    assert_int_equal(rows, lines + 2);
    free(told);
    free(content);
}

static void test_damaged_xz_is_told(void **state)
{
    static const char cut[] = "\xfd"
                              "7zXZ\0\0\4\346\326";
    struct csv_row row;
    (void)state;
    struct byte_source *source = byte_source_open(file_of(cut, sizeof cut - 1));
    struct csv_rows *rows = csv_rows_new(source);
    assert_int_equal(csv_rows_next(rows, &row), CSV_NEXT_FAILED);
    assert_true(strlen(byte_source_problem(source)) > 0);
    csv_rows_destroy(&rows);
    byte_source_close(&source);
}

/* --- slugs ------------------------------------------------------------------------------------ */

static void test_slugs(void **state)
{
    /* Where a hash follows, it is the value's SHA-256, as any other program has it. */
    static const struct {
        const char *value, *slug;
    } cases[] = {
        {"PWDx", "pwdx"},
        {"No Q", "no-q"},
        {"HS_O", "hs-o"},
        {"GEN_", "gen"},
        {"Sub-Metering", "sub-metering"},
        {"Allston / Brighton", "allston-brighton-53a93fd6"},
        {"Downtown / Financial District", "downtown-financial-district-5ce95a93"},
        {"Request for Snow Plowing (Emergency Responder)",
         "request-for-snow-plowing-emergency-respo-5357cfa7"},
        {"A  B", "a-b-"},
        {"A&B", "a-b-"},
        {"社会保险", ""},
        {"---", ""},
        {"", ""},
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text slug = import_slug(text_of(cases[i].value), arena);
        size_t length = strlen(cases[i].slug);
        assert_true(text_is_code(slug));
        assert_true(slug.length <= 49);
        assert_memory_equal(slug.at, cases[i].slug, length);
        bool is_cut = length == 0 || cases[i].slug[length - 1] == '-';
        assert_int_equal(slug.length, is_cut ? length + 8 : length);
    }
    assert_false(text_equal(import_slug(TEXT("A  B"), arena), import_slug(TEXT("A&B"), arena)));
    arena_destroy(&arena);
}

/* --- mapping ---------------------------------------------------------------------------------- */

static const char mapping[] =
    "{\"format\":1,\"district\":{\"code\":\"d\",\"name_en\":\"D\",\"time_zone\":\"America/"
    "New_York\"},"
    "\"feed\":{\"code\":\"d-feed\",\"name_en\":\"F\"},\"committee\":{\"code\":\"d-committee\","
    "\"name_en\":\"C\"},"
    "\"id\":{\"column\":\"ID\"},\"opened\":{\"column\":\"O\",\"format\":\"%m/%d/%Y %I:%M:%S %p\"},"
    "\"closed\":{\"column\":\"C\",\"format\":\"%m/%d/%Y %I:%M:%S %p\"},"
    "\"state\":{\"column\":\"S\",\"closed\":[\"Closed\"],\"open\":[\"Open\"]},"
    "\"town\":{\"column\":\"N\",\"empty\":{\"code\":\"unknown\",\"name_en\":\"unknown\",\"name_"
    "zh\":\"不详\"}},"
    "\"squad\":{\"column\":\"Q\",\"department\":\"same\"},\"category\":{\"column\":\"T\"},"
    "\"activity\":{\"column\":\"A\"},\"need\":{\"columns\":[\"A\",\"T\",\"L\"],\"join\":\" · \"},"
    "\"outcome\":{\"column\":\"R\"},\"codes\":\"slug\"}";

static struct import_map *map_of(const char *json, struct arena *arena, char *problem, size_t size)
{
    return import_map_read(file_of(json, strlen(json)), arena, problem, size);
}

static struct import_map *map_fine(struct arena *arena)
{
    char problem[512];
    struct import_map *map = map_of(mapping, arena, problem, sizeof problem);
    if (map == NULL)
        fail_msg("%s", problem);
    return map;
}

/* The mapping with one piece replaced is refused with a message that says so. */
static void assert_map_refused(const char *old, const char *new, const char *part)
{
    struct arena *arena = arena_new();
    char problem[512] = "";
    const char *at = strstr(mapping, old);
    assert_non_null(at);
    struct text json =
        arena_format(arena, "%.*s%s%s", (int)(at - mapping), mapping, new, at + strlen(old));
    assert_null(map_of(json.at, arena, problem, sizeof problem));
    if (strstr(problem, part) == NULL)
        fail_msg("'%s' does not say '%s'", problem, part);
    arena_destroy(&arena);
}

static void test_mapping_troubles(void **state)
{
    (void)state;
    assert_map_refused("\"format\":1", "\"format\":2", "format");
    assert_map_refused("\"format\":1,", "\"format\":1", "line 1");
    assert_map_refused("\"id\":{\"column\":\"ID\"},", "", "id");
    assert_map_refused("\"id\":{\"column\":\"ID\"}", "\"id\":{\"column\":5}", "id.column");
    assert_map_refused("\"id\":{\"column\":\"ID\"}", "\"id\":\"ID\"", "id");
    assert_map_refused("America/New_York", "America/Nowhere", "America/Nowhere");
    assert_map_refused("\"code\":\"d\"", "\"code\":\"D D\"", "district.code");
    assert_map_refused("\"closed\":[\"Closed\"]", "\"closed\":[]", "state.closed");
    assert_map_refused("\"open\":[\"Open\"]", "\"open\":[1]", "state.open");
    assert_map_refused("[\"A\",\"T\",\"L\"]", "\"A\"", "need.columns");
    assert_map_refused("\"codes\":\"slug\"", "\"codes\":\"hash\"", "codes");
    assert_map_refused("\"opened\":{\"column\":\"O\",\"format\":\"%m/%d/%Y %I:%M:%S %p\"}",
                       "\"opened\":{\"column\":\"O\"}", "opened.format");
    struct arena *arena = arena_new();
    char problem[512];
    assert_null(import_map_read("/nonexistent/map.json", arena, problem, sizeof problem));
    assert_true(strlen(problem) > 0);
    assert_null(map_of("[]", arena, problem, sizeof problem));
    arena_destroy(&arena);
}

static const struct text header[] = {TEXT("ID"), TEXT("O"), TEXT("C"), TEXT("S"), TEXT("N"),
                                     TEXT("Q"),  TEXT("T"), TEXT("A"), TEXT("L"), TEXT("R")};
#define COLUMNS (sizeof header / sizeof *header)

static void test_mapping_binds_to_a_header(void **state)
{
    struct arena *arena = arena_new();
    struct import_map *map = map_fine(arena);
    char problem[512];
    struct text twice[COLUMNS + 1];
    (void)state;
    assert_true(import_map_bind(map, header, COLUMNS, problem, sizeof problem));
    assert_int_equal(map->outcome.index, 9);
    assert_false(import_map_bind(map, header, COLUMNS - 1, problem, sizeof problem));
    assert_non_null(strstr(problem, "'R'"));
    memcpy(twice, header, sizeof header);
    twice[COLUMNS] = TEXT("ID");
    assert_false(import_map_bind(map, twice, COLUMNS + 1, problem, sizeof problem));
    assert_non_null(strstr(problem, "twice"));
    arena_destroy(&arena);
}

/* --- rows ------------------------------------------------------------------------------------- */

struct read {
    bool fine;
    struct import_row row;
    enum import_trouble trouble;
    const char *column;
};

static struct read row_read(struct import_map *map, const char *line, struct arena *arena)
{
    struct read read;
    struct csv_row cells;
    char problem[256];
    assert_true(import_map_bind(map, header, COLUMNS, problem, sizeof problem));
    struct byte_source *source = byte_source_open(file_of(line, strlen(line)));
    struct csv_rows *rows = csv_rows_new(source);
    assert_int_equal(csv_rows_next(rows, &cells), CSV_NEXT_ROW);
    struct text *fields = arena_array(arena, cells.count, sizeof *fields);
    for (size_t i = 0; i < cells.count; i++)
        fields[i] = arena_text(arena, cells.fields[i]);
    cells.fields = fields;
    cells.raw = arena_text(arena, cells.raw);
    read.fine =
        import_row_read(map, &cells, COLUMNS, arena, &read.row, &read.trouble, &read.column);
    csv_rows_destroy(&rows);
    byte_source_close(&source);
    return read;
}

static void assert_text(struct text t, const char *expected)
{
    assert_int_equal(t.length, strlen(expected));
    assert_memory_equal(t.at, expected, t.length);
}

static void test_a_row(void **state)
{
    struct arena *arena = arena_new();
    struct import_map *map = map_fine(arena);
    char instant[INSTANT_TEXT_MAX];
    (void)state;
    struct read read = row_read(map,
                                "7,01/01/2015 12:20:09 AM,07/02/2015 09:08:42 PM,Closed,Back "
                                "Bay,PWDx,Pothole,,33 Beacon St,done\r\n",
                                arena);
    assert_true(read.fine);
    assert_text(read.row.id, "7");
    assert_string_equal(instant_format(read.row.opened, instant), "2015-01-01T05:20:09.000Z");
    assert_string_equal(instant_format(read.row.closed, instant), "2015-07-03T01:08:42.000Z");
    assert_text(read.row.activity, "Pothole"); /* a blank title is its type */
    assert_text(read.row.need, "Pothole · 33 Beacon St");
    assert_text(read.row.department, "PWDx");
    assert_text(read.row.outcome, "done");
    /* Open, though a time stands there: the state decides. Closing before opening is the file's own
     * business. */
    read = row_read(map, "7,01/01/2015 12:20:09 AM,01/02/2015 09:08:42 AM,Open,,Q,T,A,L,\n", arena);
    assert_true(read.fine);
    assert_int_equal(read.row.closed, INSTANT_ABSENT);
    read =
        row_read(map, "7,01/02/2015 12:20:09 AM,01/01/2015 09:08:42 AM,Closed,,Q,T,A,L,\n", arena);
    assert_true(read.fine);
    arena_destroy(&arena);
}

static void test_rows_that_cannot_be_read(void **state)
{
    static const struct {
        const char *line;
        enum import_trouble trouble;
        const char *column;
    } cases[] = {
        {"7,01/01/2015 12:20:09 AM,,Open,N,Q,T,A,L\n", IMPORT_FIELD_COUNT, NULL},
        {"7,01/01/2015 12:20:09 AM,,Open,N,Q,T,A,L,R,x\n", IMPORT_FIELD_COUNT, NULL},
        {",01/01/2015 12:20:09 AM,,Open,N,Q,T,A,L,R\n", IMPORT_NO_ID, "ID"},
        {"7,13/01/2015 12:20:09 AM,,Open,N,Q,T,A,L,R\n", IMPORT_BAD_TIME, "O"},
        {"7,02/30/2015 12:20:09 AM,,Open,N,Q,T,A,L,R\n", IMPORT_BAD_TIME, "O"},
        {"7,01/01/2015 12:20:09 AM x,,Open,N,Q,T,A,L,R\n", IMPORT_BAD_TIME, "O"},
        {"7,,,Open,N,Q,T,A,L,R\n", IMPORT_BAD_TIME, "O"},
        {"7,01/01/2015 12:20:09 AM,yesterday,Closed,N,Q,T,A,L,R\n", IMPORT_BAD_TIME, "C"},
        {"7,01/01/2015 12:20:09 AM,,Closed,N,Q,T,A,L,R\n", IMPORT_NO_CLOSING_TIME, "C"},
        {"7,01/01/2015 12:20:09 AM,,Pending,N,Q,T,A,L,R\n", IMPORT_UNKNOWN_STATE, "S"},
        {"7,01/01/2015 12:20:09 AM,,Open,N,,T,A,L,R\n", IMPORT_EMPTY, "Q"},
        {"7,01/01/2015 12:20:09 AM,,Open,N,Q,,,,R\n", IMPORT_EMPTY, "A"},
        {"7,01/01/2015 12:20:09 AM,,Open,N\xff,Q,T,A,L,R\n", IMPORT_BAD_TEXT, NULL},
        {"7,\"01/01/2015\n", IMPORT_QUOTE_OPEN, NULL},
    };
    struct arena *arena = arena_new();
    struct import_map *map = map_fine(arena);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct read read = row_read(map, cases[i].line, arena);
        assert_false(read.fine);
        assert_int_equal(read.trouble, cases[i].trouble);
        if (cases[i].column == NULL)
            assert_null(read.column);
        else
            assert_string_equal(read.column, cases[i].column);
        assert_true(strlen(import_trouble_text(read.trouble, true)) > 0);
    }
    arena_destroy(&arena);
}

static void test_long_cells_are_clipped(void **state)
{
    struct arena *arena = arena_new();
    struct import_map *map = map_fine(arena);
    char title[301], line[16384], outcome[9001];
    (void)state;
    for (size_t i = 0; i < 100; i++)
        memcpy(title + 3 * i, "社", 3);
    title[300] = '\0';
    memset(outcome, 'r', sizeof outcome - 1);
    outcome[sizeof outcome - 1] = '\0';
    snprintf(line, sizeof line,
             "7,01/01/2015 12:20:09 AM,01/01/2015 12:20:09 AM,Closed,N,Q,T,%s,L,%s\n", title,
             outcome);
    struct read read = row_read(map, line, arena);
    assert_true(read.fine);
    assert_int_equal(read.row.activity.length, 198); /* 66 characters of three bytes within 200 */
    assert_int_equal(read.row.outcome.length, 8000);
    assert_int_equal(read.row.clipped, 2);
    memset(line, '9', 200);
    snprintf(line + 129, sizeof line - 129, ",01/01/2015 12:20:09 AM,,Open,N,Q,T,A,L,\n");
    read = row_read(map, line, arena);
    assert_int_equal(read.trouble, IMPORT_LONG_ID);
    arena_destroy(&arena);
}

static void test_codes(void **state)
{
    struct arena *arena = arena_new();
    struct import_codes *codes = import_codes_new(map_fine(arena), arena);
    struct import_row row = {
        .town = TEXT("Park"), .squad = TEXT("Park"), .department = TEXT("Park")};
    (void)state;
    struct import_row_facts facts = import_codes_row(codes, &row);
    assert_text(facts.town->names.code, "park");
    assert_text(facts.department->names.code, "park-dept");
    assert_memory_equal(facts.squad->names.code.at, "park-", 5); /* "park" is the town's */
    assert_int_equal(facts.squad->names.code.length, 13);
    assert_null(facts.category);
    assert_ptr_equal(import_codes_row(codes, &row).squad, facts.squad);
    assert_text(import_codes_fact(codes, IMPORT_TOWN, TEXT(""))->names.name_zh, "不详");
    assert_text(import_codes_fact(codes, IMPORT_TOWN, TEXT("D"))->names.code,
                "d-town"); /* the district's code */
    assert_false(text_equal(import_codes_fact(codes, IMPORT_TOWN, TEXT("D Feed"))->names.code,
                            TEXT("d-feed")));
    assert_text(import_codes_fact(codes, IMPORT_CATEGORY, TEXT("Park"))->names.code, "park");
    assert_false(text_equal(import_codes_fact(codes, IMPORT_CATEGORY, TEXT("PARK"))->names.code,
                            TEXT("park")));
    arena_destroy(&arena);
}

static void test_progress_file(void **state)
{
    char problem[512];
    struct import_resume read,
        written = {.run = "0123456789abcdef",
                   .header = "00112233445566778899aabbccddeeff",
                   .line = 4711,
                   .rejects_bytes = 99,
                   .totals = {.read = 4709, .opened_new = 4700, .closed_before = 3}};
    (void)state;
    assert_true(import_resume_write(scratch, &written));
    assert_int_equal(import_resume_read(scratch, &read, problem, sizeof problem), 1);
    assert_memory_equal(&read, &written, sizeof read);
    file_of("{\"format\":1}", 12);
    assert_int_equal(import_resume_read(scratch, &read, problem, sizeof problem), -1);
    assert_int_equal(import_resume_read("/nonexistent/x", &read, problem, sizeof problem), 0);
    assert_false(import_resume_write("/nonexistent/x", &written));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_quirks),
        cmocka_unit_test(test_csv_goes_on_after_a_stray_quote),
        cmocka_unit_test(test_csv_bounds),
        cmocka_unit_test(test_csv_open_quote_in_a_large_file),
        cmocka_unit_test(test_damaged_xz_is_told),
        cmocka_unit_test(test_slugs),
        cmocka_unit_test(test_mapping_troubles),
        cmocka_unit_test(test_mapping_binds_to_a_header),
        cmocka_unit_test(test_a_row),
        cmocka_unit_test(test_rows_that_cannot_be_read),
        cmocka_unit_test(test_long_cells_are_clipped),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_progress_file),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}
