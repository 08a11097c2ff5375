/* What came over HTTP as JSON or as parameters, made into the frame that a client of the feed would
 * have sent. It is not judged here: the frame goes through the same decoder, so that both faces
 * refuse the same things with the same words. Only what JSON alone can get wrong is refused here:
 * - malformed: not a JSON object, nested too deep; with the field: a key given twice
 * - wrong_type: a number with a fraction (by the decoder), one beyond 64 bits
 * - bad_text: NUL or invalid UTF-8
 * Times may be RFC 3339 text or, as everywhere else, milliseconds. */
#ifndef ZTC_EDGE_FRAME_H
#define ZTC_EDGE_FRAME_H

#include "edge/route.h"
#include "events/envelope.h"

#define FRAME_PARAMETERS_MAX 64
#define FRAME_DEPTH_MAX      6 /* of the JSON of a body */

struct frame_command {
    const struct route *route;
    struct text path_value;
    struct text id;
    struct text on_behalf_of; /* empty: nobody */
    struct text time;         /* empty: not stated */
    struct bytes body;        /* JSON; empty stands for {} */
};
struct frame_parameter {
    struct text name, value;
};
struct frame_query {
    const struct route *route;
    struct text path_value;
    struct text positions; /* of the header Ztc-Position: "intake/0/12, dispatch/0/7" */
    struct frame_parameter parameters[FRAME_PARAMETERS_MAX];
    size_t parameter_count;
};

/* Why no frame could be made. */
struct frame_fault {
    struct refusal refusal;
    struct text detail; /* in English; empty: the refusal says it all */
    int line, column;   /* of the JSON, from 1; 0: it is not about a place in it */
    int64_t position;   /* byte, from 0 */
};

bool frame_of_command(const struct frame_command *from, struct arena *arena, struct bytes *frame,
                      struct frame_fault *fault);
bool frame_of_query(const struct frame_query *from, struct arena *arena, struct bytes *frame,
                    struct frame_fault *fault);

/* "intake/0/12, dispatch/0/7" and back. */
struct text positions_format(const struct position_list *positions, struct arena *arena);
bool positions_parse(struct text t, struct position_list *positions);

/* The opaque text by which the next page is asked for: `value` is the page field's. */
struct text cursor_format(const struct route *route, struct text value, struct arena *arena);
bool cursor_parse(const struct route *route, struct text cursor, struct arena *arena,
                  struct text *value);

#endif
