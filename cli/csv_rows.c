#include "cli/csv_rows.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 65536

static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};

struct buffer {
    uint8_t *at;
    size_t length, capacity;
};

struct cell {
    size_t offset, length;
};

struct csv_rows {
    struct byte_source *source;
    struct csv_parser parser;
    uint8_t chunk[CHUNK];
    size_t chunk_at, chunk_end;
    struct buffer again; /* lines to be read once more, before the chunk */
    size_t again_at;
    int64_t line; /* number of the next line */
    bool failed;

    /* The row being read. */
    struct buffer raw;
    size_t first_line_length;
    int64_t raw_line;
    bool cut;            /* a line was longer than CSV_LINE_MAX */
    struct buffer bytes; /* of its cells, one after the other */
    struct cell cells[CSV_FIELDS_MAX];
    struct text fields[CSV_FIELDS_MAX];
    size_t cell_count;
    bool ended, crowded;
};

static void buffer_add(struct buffer *buffer, const uint8_t *at, size_t length)
{
    if (buffer->length + length > buffer->capacity) {
        size_t capacity = buffer->capacity * 2 > buffer->length + length
                              ? buffer->capacity * 2
                              : buffer->length + length + CHUNK;
        uint8_t *grown = realloc(buffer->at, capacity);
        if (grown == NULL)
            abort();
        buffer->at = grown;
        buffer->capacity = capacity;
    }
    if (length > 0)
        memcpy(buffer->at + buffer->length, at, length);
    buffer->length += length;
}

/* Blanks belong to the fields. */
static int never_space(unsigned char c)
{
    (void)c;
    return 0;
}

static void parser_open(struct csv_rows *rows)
{
    if (csv_init(&rows->parser, 0) != 0)
        abort();
    csv_set_space_func(&rows->parser, never_space);
}

struct csv_rows *csv_rows_new(struct byte_source *source)
{
    struct csv_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL)
        abort();
    rows->source = source;
    rows->line = 1;
    parser_open(rows);
    return rows;
}

void csv_rows_destroy(struct csv_rows **rows)
{
    if (*rows == NULL)
        return;
    csv_free(&(*rows)->parser);
    free((*rows)->again.at);
    free((*rows)->raw.at);
    free((*rows)->bytes.at);
    free(*rows);
    *rows = NULL;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The next byte without taking it, or -1 at the end. */
static int byte_peek(struct csv_rows *rows)
{
    if (rows->again_at < rows->again.length)
        return rows->again.at[rows->again_at];
    if (rows->chunk_at == rows->chunk_end && !rows->failed) {
        ssize_t n = byte_source_read(rows->source, rows->chunk, sizeof rows->chunk);
        rows->failed = n < 0;
        rows->chunk_at = 0;
        rows->chunk_end = n > 0 ? (size_t)n : 0;
    }
    return rows->chunk_at < rows->chunk_end ? rows->chunk[rows->chunk_at] : -1;
}

static void byte_skip(struct csv_rows *rows)
{
    if (rows->again_at < rows->again.length)
        rows->again_at++;
    else
        rows->chunk_at++;
}

/* Adds one line with its end to the raw row; false: there is none. */
static bool line_add(struct csv_rows *rows)
{
    uint8_t byte;
    size_t length = 0;
    int next = byte_peek(rows);
    if (next < 0)
        return false;
    do {
        byte = (uint8_t)next;
        byte_skip(rows);
        bool is_end = byte == '\n' || byte == '\r';
        if (length < CSV_LINE_MAX || is_end)
            buffer_add(&rows->raw, &byte, 1);
        else
            rows->cut = true;
        length++;
        next = byte_peek(rows);
        if (byte == '\r' && next == '\n')
            continue;
        if (is_end)
            break;
    } while (next >= 0);
    rows->line++;
    return true;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void cell_end(void *at, size_t length, void *data)
{
    struct csv_rows *rows = data;
    if (rows->cell_count == CSV_FIELDS_MAX) {
        rows->crowded = true;
        return;
    }
    rows->cells[rows->cell_count++] = (struct cell){rows->bytes.length, length};
    buffer_add(&rows->bytes, at, length);
}

static void row_end(int terminator, void *data)
{
    struct csv_rows *rows = data;
    (void)terminator;
    rows->ended = true;
}

static void row_begin(struct csv_rows *rows)
{
    if (rows->again_at == rows->again.length)
        rows->again.length = rows->again_at = 0;
    rows->raw.length = rows->bytes.length = 0;
    rows->cell_count = 0;
    rows->ended = rows->crowded = rows->cut = false;
    rows->raw_line = rows->line;
    rows->first_line_length = 0;
}

static bool is_blank(const struct buffer *raw)
{
    for (size_t i = 0; i < raw->length; i++)
        if (raw->at[i] != '\n' && raw->at[i] != '\r')
            return false;
    return true;
}

static void row_fill(struct csv_rows *rows, enum csv_trouble trouble, struct csv_row *row)
{
    for (size_t i = 0; i < rows->cell_count; i++) {
        struct cell cell = rows->cells[i];
        const char *at = rows->bytes.at != NULL ? (const char *)rows->bytes.at + cell.offset : "";
        rows->fields[i] = (struct text){at, cell.length};
    }
    if (trouble == CSV_FINE && rows->cut)
        trouble = CSV_TOO_LONG;
    if (trouble == CSV_FINE && rows->crowded)
        trouble = CSV_TOO_MANY_FIELDS;
    *row = (struct csv_row){.line = rows->raw_line,
                            .lines = rows->line - rows->raw_line,
                            .raw = {(const char *)rows->raw.at, rows->raw.length},
                            .fields = rows->fields,
                            .count = rows->cell_count,
                            .trouble = trouble};
}

static void lines_give_back(struct csv_rows *rows)
{
    struct buffer rest = {0};
    size_t first = rows->first_line_length;
    buffer_add(&rest, rows->raw.at + first, rows->raw.length - first);
    buffer_add(&rest, rows->again.at + rows->again_at, rows->again.length - rows->again_at);
    free(rows->again.at);
    rows->again = rest;
    rows->again_at = 0;
    rows->raw.length = first;
    rows->line = rows->raw_line + 1;
    csv_free(&rows->parser);
    parser_open(rows);
}

static enum csv_next row_open_quote(struct csv_rows *rows, struct csv_row *row)
{
    if (!rows->cut)
        lines_give_back(rows);
    rows->cell_count = 0;
    row_fill(rows, CSV_QUOTE_OPEN, row);
    return CSV_NEXT_ROW;
}

void csv_rows_retreat(struct csv_rows *rows, struct csv_row *row)
{
    lines_give_back(rows);
    rows->cell_count = 0;
    row_fill(rows, row->trouble, row);
}

/* The file ends within a row: without a line end, or with a quote open. */
static enum csv_next row_at_end(struct csv_rows *rows, struct csv_row *row)
{
    if (rows->failed)
        return CSV_NEXT_FAILED;
    if (rows->raw.length == 0)
        return CSV_NEXT_END;
    csv_parse(&rows->parser, "\n", 1, cell_end, row_end, rows);
    if (!rows->ended)
        return row_open_quote(rows, row);
    row_fill(rows, CSV_FINE, row);
    return CSV_NEXT_ROW;
}

static void mark_skip(struct csv_rows *rows)
{
    size_t mark = sizeof byte_order_mark;
    if (rows->raw.length < mark || memcmp(rows->raw.at, byte_order_mark, mark) != 0)
        return;
    memmove(rows->raw.at, rows->raw.at + mark, rows->raw.length - mark);
    rows->raw.length -= mark;
}

enum csv_next csv_rows_next(struct csv_rows *rows, struct csv_row *row)
{
    row_begin(rows);
    for (;;) {
        size_t begin = rows->raw.length;
        if (!line_add(rows))
            return row_at_end(rows, row);
        if (rows->raw_line == 1 && begin == 0)
            mark_skip(rows);
        if (begin == 0)
            rows->first_line_length = rows->raw.length;
        csv_parse(&rows->parser, rows->raw.at + begin, rows->raw.length - begin, cell_end, row_end,
                  rows);
        if (rows->ended) {
            row_fill(rows, CSV_FINE, row);
            return CSV_NEXT_ROW;
        }
        if (is_blank(&rows->raw))
            row_begin(rows);
        else if (rows->raw.length > CSV_ROW_MAX)
            return row_open_quote(rows, row);
    }
}
