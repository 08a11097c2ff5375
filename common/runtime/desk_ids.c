#include "runtime/desk_private.h"

#include <stdlib.h>

#include "base/bloom.h"
#include "records_sql.h"

/* Nearly every command is new, and to look for its id among millions costs as much as to write its
 * answer. So the desk remembers, in a Bloom filter, all ids that the records may have: those that
 * were there when the lease was gained, read little by little, and each one from the moment it is
 * sent to be written, whatever becomes of it. Nobody else writes any while the epoch lasts. What
 * the filter does not have needs no look; what it may have is looked for as before. */

#define IDS_LOG2_BITS 25    /* 4 MiB: 3 million ids of 30 days */
#define IDS_PER_TICK  20000 /* read at a time */

struct ids {
    struct bloom *bloom;
    int64_t epoch; /* of the lease under which it is right */
    bool is_whole;
    struct arena *arena; /* of the last one read */
    struct text district, caller, id;
};

static uint64_t hash_of(struct text district, struct text caller, struct text id)
{
    return text_hash(id) ^ text_hash(caller) * 31 ^ text_hash(district) * 131;
}

struct ids *ids_new(void)
{
    struct ids *ids = calloc(1, sizeof *ids);
    if (ids == NULL)
        abort();
    ids->bloom = bloom_new(IDS_LOG2_BITS);
    ids->arena = arena_new();
    return ids;
}

void ids_destroy(struct ids **ids)
{
    if (*ids == NULL)
        return;
    bloom_destroy(&(*ids)->bloom);
    arena_destroy(&(*ids)->arena);
    free(*ids);
    *ids = NULL;
}

bool desk_read_ids(struct desk *desk)
{
    struct ids *ids = desk->ids;
    if (ids->epoch != desk->epoch) {
        bloom_clear(ids->bloom);
        ids->epoch = desk->epoch;
        ids->is_whole = false;
        ids->district = ids->caller = ids->id = (struct text){"", 0};
    }
    if (ids->is_whole)
        return true;
    struct params *params = params_new(desk->batch_arena);
    params_text(params, ids->district);
    params_text(params, ids->caller);
    params_text(params, ids->id);
    params_int(params, IDS_PER_TICK);
    const struct rows *rows = records_send(desk->records, &records_sql_command_ids, params);
    if (records_run(desk->records) != RECORDS_OK) {
        desk_trouble(desk, "reading the ids of commands");
        return false;
    }
    size_t count = rows_count(rows);
    for (size_t i = 0; i < count; i++)
        bloom_add(ids->bloom,
                  hash_of(rows_text(rows, i, 0), rows_text(rows, i, 1), rows_text(rows, i, 2)));
    ids->is_whole = count < IDS_PER_TICK;
    if (count > 0) {
        arena_reset(ids->arena);
        ids->district = arena_text(ids->arena, rows_text(rows, count - 1, 0));
        ids->caller = arena_text(ids->arena, rows_text(rows, count - 1, 1));
        ids->id = arena_text(ids->arena, rows_text(rows, count - 1, 2));
    }
    records_clear(desk->records);
    return true;
}

void desk_note_id(struct desk *desk, const struct input *input)
{
    bloom_add(desk->ids->bloom,
              hash_of(input->caller.district, input->caller.organisation, input->command.id));
}

bool desk_may_know_id(const struct desk *desk, const struct input *input)
{
    const struct ids *ids = desk->ids;
    return !ids->is_whole || ids->epoch != desk->epoch ||
           bloom_may_have(ids->bloom, hash_of(input->caller.district, input->caller.organisation,
                                              input->command.id));
}
