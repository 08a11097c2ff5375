#include "domain/words.h"

#include <string.h>

int words_find(const struct words *words, struct text name)
{
    for (int i = 0; i < words->count; i++)
        if (text_equal(name, text_of(words->names[i])))
            return i;
    return -1;
}

const char *words_name(const struct words *words, int number)
{
    return number >= 0 && number < words->count ? words->names[number] : "?";
}

#define NAMES(word, zh_word, en_word)   #word,
#define CHINESE(word, zh_word, en_word) zh_word,
#define ENGLISH(word, zh_word, en_word) en_word,

static const char *const service_names[] = {
#define SERVICE NAMES
#include "domain/service.def"
#undef SERVICE
};
static const char *const service_zh[] = {
#define SERVICE CHINESE
#include "domain/service.def"
#undef SERVICE
};
static const char *const service_en[] = {
#define SERVICE ENGLISH
#include "domain/service.def"
#undef SERVICE
};

#define WORD NAMES
static const char *const role_names[] = {
#include "domain/role.def"
};
static const char *const organisation_kind_names[] = {
#include "domain/organisation_kind.def"
};
static const char *const site_kind_names[] = {
#include "domain/site_kind.def"
};
static const char *const order_kind_names[] = {
#include "domain/order_kind.def"
};
static const char *const urgency_names[] = {
#include "domain/urgency.def"
};
static const char *const mode_names[] = {
#include "domain/mode.def"
};
static const char *const order_state_names[] = {
#include "domain/order_state.def"
};
static const char *const assignment_state_names[] = {
#include "domain/assignment_state.def"
};
static const char *const key_state_names[] = {
#include "domain/key_state.def"
};
static const char *const channel_names[] = {
#include "domain/channel.def"
};
static const char *const session_kind_names[] = {
#include "domain/session_kind.def"
};
#undef WORD

#define WORD CHINESE
static const char *const role_zh[] = {
#include "domain/role.def"
};
static const char *const organisation_kind_zh[] = {
#include "domain/organisation_kind.def"
};
static const char *const site_kind_zh[] = {
#include "domain/site_kind.def"
};
static const char *const order_kind_zh[] = {
#include "domain/order_kind.def"
};
static const char *const urgency_zh[] = {
#include "domain/urgency.def"
};
static const char *const mode_zh[] = {
#include "domain/mode.def"
};
static const char *const order_state_zh[] = {
#include "domain/order_state.def"
};
static const char *const assignment_state_zh[] = {
#include "domain/assignment_state.def"
};
static const char *const key_state_zh[] = {
#include "domain/key_state.def"
};
static const char *const channel_zh[] = {
#include "domain/channel.def"
};
static const char *const session_kind_zh[] = {
#include "domain/session_kind.def"
};
#undef WORD

#define WORD ENGLISH
static const char *const role_en[] = {
#include "domain/role.def"
};
static const char *const organisation_kind_en[] = {
#include "domain/organisation_kind.def"
};
static const char *const site_kind_en[] = {
#include "domain/site_kind.def"
};
static const char *const order_kind_en[] = {
#include "domain/order_kind.def"
};
static const char *const urgency_en[] = {
#include "domain/urgency.def"
};
static const char *const mode_en[] = {
#include "domain/mode.def"
};
static const char *const order_state_en[] = {
#include "domain/order_state.def"
};
static const char *const assignment_state_en[] = {
#include "domain/assignment_state.def"
};
static const char *const key_state_en[] = {
#include "domain/key_state.def"
};
static const char *const channel_en[] = {
#include "domain/channel.def"
};
static const char *const session_kind_en[] = {
#include "domain/session_kind.def"
};
#undef WORD

const struct words words_service = {"service", service_names, service_zh, service_en,
                                    SERVICE_COUNT};

#define VOCABULARY(word, prefix)                                                                   \
    const struct words words_##word = {#word, word##_names, word##_zh, word##_en,                  \
                                       (int)(sizeof word##_names / sizeof word##_names[0])};
VOCABULARIES(VOCABULARY)
