#include "cli/import_pipe.h"

#include <csv.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/print.h"

#define UNSETTLED_MAX 16384 /* rows behind one that is slow */
#define SAVE_STEP_MS  1000
#define PUMP_WAIT_MS  20

struct import_work {
    struct import_pipe *pipe;
    struct import_work *next; /* in the order of the file, or in the pool */
    struct arena *arena;
    int64_t line;
    struct text raw, id;
    struct text close_id;
    struct bytes close; /* empty: the case is open */
    int clipped;
    bool settled, is_open_new, is_open_before, is_closed_new, is_closed_before;
    const char *code; /* rejected */
    const char *field, *reason;
};

struct import_pipe {
    struct import_pipe_settings settings;
    struct import_resume done;
    struct import_work *head, *tail, *pool;
    size_t unsettled;
    FILE *rejects;
    bool broken, rejects_failed;
    int64_t saved_ms;
};

struct import_pipe *import_pipe_new(const struct import_pipe_settings *settings)
{
    struct import_pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL)
        abort();
    pipe->settings = *settings;
    pipe->done = settings->resume;
    pipe->saved_ms = cli_monotonic_ms();
    return pipe;
}

static void list_free(struct import_work *work)
{
    while (work != NULL) {
        struct import_work *next = work->next;
        arena_destroy(&work->arena);
        free(work);
        work = next;
    }
}

bool import_pipe_destroy(struct import_pipe **pipe)
{
    bool fine = !(*pipe)->rejects_failed;
    list_free((*pipe)->head);
    list_free((*pipe)->pool);
    if ((*pipe)->rejects != NULL)
        fine = fclose((*pipe)->rejects) == 0 && fine;
    free(*pipe);
    *pipe = NULL;
    return fine;
}

struct arena *import_work_arena(struct import_work *work)
{
    return work->arena;
}

bool import_pipe_is_broken(const struct import_pipe *pipe)
{
    return pipe->broken;
}

const struct import_totals *import_pipe_totals(const struct import_pipe *pipe)
{
    return &pipe->done.totals;
}

/* --- settling --------------------------------------------------------------------------------- */

/* A fresh run begins an empty file; a resumed one cuts off what it had not counted. */
static bool rejects_open(struct import_pipe *pipe)
{
    if (pipe->rejects != NULL || pipe->rejects_failed)
        return pipe->rejects != NULL;
    int64_t kept = pipe->settings.resume.rejects_bytes;
    FILE *out = fopen(pipe->settings.rejects_path, kept > 0 ? "r+e" : "we");
    if (out != NULL && kept > 0 &&
        (ftruncate(fileno(out), (off_t)kept) != 0 || fseeko(out, 0, SEEK_END) != 0)) {
        fclose(out);
        out = NULL;
    }
    if (out == NULL) {
        cli_complain("%s: %s", pipe->settings.rejects_path, strerror(errno));
        pipe->rejects_failed = true;
        return false;
    }
    if (kept == 0)
        fputs("line,id,code,field,reason,row\n", out);
    pipe->rejects = out;
    return true;
}

static void field_write(FILE *out, struct text t, char end)
{
    csv_fwrite(out, t.at, t.length);
    fputc(end, out);
}

static void reject_write(struct import_pipe *pipe, const struct import_work *work)
{
    if (!rejects_open(pipe))
        return;
    fprintf(pipe->rejects, "%lld,", (long long)work->line);
    field_write(pipe->rejects, work->id, ',');
    field_write(pipe->rejects, text_of(work->code), ',');
    field_write(pipe->rejects, text_of(work->field), ',');
    field_write(pipe->rejects, text_of(work->reason), ',');
    field_write(pipe->rejects, work->raw, '\n');
    if (ferror(pipe->rejects)) {
        cli_complain("%s: %s", pipe->settings.rejects_path, strerror(errno));
        pipe->rejects_failed = true;
    }
}

static void work_count(struct import_pipe *pipe, const struct import_work *work)
{
    struct import_totals *totals = &pipe->done.totals;
    totals->read++;
    totals->clipped += work->clipped;
    totals->opened_new += work->is_open_new;
    totals->opened_before += work->is_open_before;
    totals->closed_new += work->is_closed_new;
    totals->closed_before += work->is_closed_before;
    totals->rejected += work->code != NULL;
    if (work->code != NULL)
        reject_write(pipe, work);
}

/* Everything at the head that is settled leaves the line. */
static void work_settle(struct import_work *settled)
{
    struct import_pipe *pipe = settled->pipe;
    settled->settled = true;
    while (pipe->head != NULL && pipe->head->settled) {
        struct import_work *work = pipe->head;
        work_count(pipe, work);
        pipe->done.line = work->line + 1;
        pipe->head = work->next;
        if (pipe->head == NULL)
            pipe->tail = NULL;
        pipe->unsettled--;
        work->next = pipe->pool;
        pipe->pool = work;
    }
}

static void work_reject(struct import_work *work, const struct refusal *refusal)
{
    const char *field = refusal->field != NULL ? refusal->field : refusal->state;
    work->code = refusal_name(refusal->code);
    work->field = field != NULL ? arena_string(work->arena, text_of(field)) : NULL;
    work->reason = refusal_text(refusal->code, cli_chinese());
    work_settle(work);
}

bool import_pipe_save(struct import_pipe *pipe, bool now)
{
    int64_t at = cli_monotonic_ms();
    if (pipe->settings.resume_path == NULL || pipe->done.line == 0 ||
        (!now && at - pipe->saved_ms < SAVE_STEP_MS))
        return true;
    pipe->saved_ms = at;
    if (pipe->rejects != NULL) {
        if (fflush(pipe->rejects) != 0 || fsync(fileno(pipe->rejects)) != 0)
            return false;
        pipe->done.rejects_bytes = (int64_t)ftello(pipe->rejects);
    }
    return import_resume_write(pipe->settings.resume_path, &pipe->done);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Not settled: a resumed import sends it again. */
static void work_unanswered(struct import_work *work, const struct answer *answer)
{
    if (!work->pipe->broken)
        print_refusal(answer, stderr);
    work->pipe->broken = true;
}

static void closed(void *context, const struct answer *answer, struct bytes frame)
{
    struct import_work *work = context;
    const struct refusal *refusal = &answer->refusal;
    (void)frame;
    switch (answer->status) {
    case ANSWER_OK:
        work->is_closed_new = true;
        work_settle(work);
        return;
    case ANSWER_REFUSED:
        work->is_closed_before =
            refusal->code == REFUSAL_illegal_step && refusal->state != NULL &&
            strcmp(refusal->state, words_name(&words_order_state, ORDER_closed)) == 0;
        if (work->is_closed_before)
            work_settle(work);
        else
            work_reject(work, refusal);
        return;
    case ANSWER_RETRY:
        work_unanswered(work, answer);
        return;
    }
}

static void opened(void *context, const struct answer *answer, struct bytes frame)
{
    struct import_work *work = context;
    (void)frame;
    switch (answer->status) {
    case ANSWER_OK:
        work->is_open_new = true;
        break;
    case ANSWER_REFUSED:
        work->is_open_before = answer->refusal.code == REFUSAL_exists;
        if (work->is_open_before)
            break;
        work_reject(work, &answer->refusal);
        return;
    case ANSWER_RETRY:
        work_unanswered(work, answer);
        return;
    }
    if (work->close.length > 0)
        session_send(work->pipe->settings.feed, work->close_id, work->close, closed, work);
    else
        work_settle(work);
}

/* --- rows ------------------------------------------------------------------------------------- */

static struct import_work *work_new(struct import_pipe *pipe)
{
    struct import_work *work = pipe->pool;
    struct arena *arena;
    if (work != NULL) {
        pipe->pool = work->next;
        arena = work->arena;
        arena_reset(arena);
    } else {
        work = malloc(sizeof *work);
        if (work == NULL)
            abort();
        arena = arena_new();
    }
    *work = (struct import_work){.pipe = pipe, .arena = arena};
    return work;
}

struct import_work *import_pipe_take(struct import_pipe *pipe, const struct csv_row *cells)
{
    while (pipe->unsettled >= UNSETTLED_MAX && !pipe->broken)
        session_pump(pipe->settings.feed, PUMP_WAIT_MS);
    struct import_work *work = work_new(pipe);
    struct text raw = cells->raw;
    while (raw.length > 0 && (raw.at[raw.length - 1] == '\n' || raw.at[raw.length - 1] == '\r'))
        raw.length--;
    work->line = cells->line;
    work->raw = arena_text(work->arena, raw);
    if (pipe->tail != NULL)
        pipe->tail->next = work;
    else
        pipe->head = work;
    pipe->tail = work;
    pipe->unsettled++;
    return work;
}

void import_pipe_reject(struct import_pipe *pipe, struct import_work *work, struct text id,
                        const char *code, const char *field, const char *reason)
{
    (void)pipe;
    work->id = arena_text(work->arena, id);
    work->code = code;
    work->field = field;
    work->reason = reason;
    work_settle(work);
}

void import_pipe_drop(struct import_pipe *pipe, struct import_work *work)
{
    /* It stays at the end of the line, so that nothing is counted past it. */
    (void)work;
    pipe->broken = true;
}

/* The line tells two rows of one id apart, which the file may hold: the second one's order is there
 * already. */
static struct text command_id(const struct import_pipe *pipe, const struct import_work *work,
                              const char *what)
{
    struct arena *arena = work->arena;
    return cli_command_id(arena_format(arena, "import:%s:%lld:%s:%.*s", pipe->done.run,
                                       (long long)work->line, what, TEXT_ARG(work->id)),
                          arena);
}

static struct bytes open_encode(const struct import_work *work, struct text id,
                                const struct import_row *row, const struct import_row_facts *facts)
{
    struct order_open_external body;
    message_clear(&command_types[COMMAND_order_open_external], &body);
    body.external_id = work->id;
    body.place = facts->town->names.code;
    body.squad = facts->squad->names.code;
    if (facts->category != NULL)
        body.category = facts->category->names.code;
    body.activity = row->activity;
    body.need = row->need;
    return ask_encode(COMMAND_order_open_external, id, TEXT(""), row->opened, &body, work->arena);
}

static struct bytes close_encode(const struct import_work *work, struct text id,
                                 const struct import_row *row)
{
    struct order_close_external body;
    message_clear(&command_types[COMMAND_order_close_external], &body);
    body.external_id = work->id;
    body.outcome = row->outcome;
    return ask_encode(COMMAND_order_close_external, id, TEXT(""), row->closed, &body, work->arena);
}

void import_pipe_send(struct import_pipe *pipe, struct import_work *work,
                      const struct import_row *row, const struct import_row_facts *facts)
{
    work->id = arena_text(work->arena, row->id);
    work->clipped = row->clipped;
    bool is_closed = row->closed != INSTANT_ABSENT;
    if (pipe->settings.feed == NULL) {
        work->is_open_new = true;
        work->is_closed_new = is_closed;
        work_settle(work);
        return;
    }
    if (is_closed) {
        work->close_id = command_id(pipe, work, "close");
        work->close = close_encode(work, work->close_id, row);
    }
    struct text open_id = command_id(pipe, work, "open");
    session_send(pipe->settings.feed, open_id, open_encode(work, open_id, row, facts), opened,
                 work);
}

void import_pipe_drain(struct import_pipe *pipe)
{
    if (pipe->settings.feed != NULL)
        session_drain(pipe->settings.feed);
}
