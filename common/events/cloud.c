#include "events/cloud.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *text_json(struct text t)
{
    return json_stringn(t.at, t.length);
}

static struct text source_of(const struct event *event, struct arena *arena)
{
    const char *service = words_name(&words_service, event->producer);
    if (event->district.length == 0)
        return arena_format(arena, "/%s", service);
    return arena_format(arena, "/%s/%.*s", service, TEXT_ARG(event->district));
}

static json_t *data_of(const struct event *event, struct arena *arena)
{
    struct text json = msgpack_to_json(event->body, arena);
    json_t *data = json_loadb(json.at, json.length, 0, NULL);
    if (data != NULL)
        json_object_del(data, "v"); /* our codec's own; the event's type and fields say it all */
    return data;
}

struct text cloud_event(const struct event *event, struct arena *arena)
{
    char id[UUID_TEXT_MAX], time[INSTANT_TEXT_MAX], recorded[INSTANT_TEXT_MAX];
    json_t *json = json_object();
    json_object_set_new(json, "specversion", json_string("1.0"));
    json_object_set_new(json, "id", json_string(uuid_format(&event->id, id)));
    json_object_set_new(json, "source", text_json(source_of(event, arena)));
    json_object_set_new(json, "type", json_string(event_types[event->type].name));
    json_object_set_new(json, "subject", text_json(event->key));
    json_object_set_new(json, "time", json_string(instant_format(event->time, time)));
    json_object_set_new(json, "datacontenttype", json_string("application/json"));
    /* Extensions, of the names that CloudEvents registers: the order's version as text, so that a
     * receiver can put what came out of order back in order. */
    json_object_set_new(json, "recordedtime",
                        json_string(instant_format(event->recorded, recorded)));
    json_object_set_new(json, "sequence",
                        text_json(arena_format(arena, "%lld", (long long)event->version)));
    if (event->traceparent.length > 0)
        json_object_set_new(json, "traceparent", text_json(event->traceparent));
    json_object_set_new(json, "data", data_of(event, arena));
    char *dump = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (dump == NULL)
        abort(); /* no memory: crash-only */
    struct text out = arena_text(arena, text_of(dump));
    free(dump);
    return out;
}
