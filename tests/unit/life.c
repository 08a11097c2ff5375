#include "tests/unit/life.h"

#include <assert.h>

#include "domain/directory.h"

#define MINUTE_MS 60000

void life_begin(struct life *life, struct arena *arena, int64_t order, int64_t clock)
{
    *life = (struct life){
        .arena = arena,
        .order = order,
        .clock = clock,
        .offsets = {order - 1, 500},
        .squad = TEXT(LIFE_SQUAD),
        .place = TEXT(LIFE_PLACE),
    };
}

static struct event *life_add(struct life *life, enum service producer, enum event_type type,
                              void *data)
{
    assert(life->count < LIFE_EVENTS_MAX);
    struct event *event = &life->events[life->count++];
    *event = (struct event){
        .producer = (int)producer,
        .offset = ++life->offsets[producer == SERVICE_dispatch],
        .type = type,
        .district = TEXT(LIFE_DISTRICT),
        .key = key_of_order(life->order, life->arena),
        .version = (int64_t)life->count,
        .time = life->clock,
        .recorded = life->clock + 1000,
        .traceparent = TEXT("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"),
        .data = data,
    };
    life->clock += MINUTE_MS;
    return event;
}

/* A cleared struct of an order's event with what ORDER_HEAD and the sides of all of them have. */
#define LIFE_DATA(life, name, after, who)                                                          \
    struct name *data = arena_alloc((life)->arena, sizeof *data);                                  \
    message_clear(&event_types[EVENT_##name], data);                                               \
    data->order = (life)->order;                                                                   \
    data->state = ORDER_##after;                                                                   \
    data->by = who;                                                                                \
    data->place = (life)->place;                                                                   \
    data->town = TEXT(LIFE_TOWN)

#define LIFE_ASSIGNMENT(life)                                                                      \
    data->assignment = (life)->assignment;                                                         \
    data->squad = (life)->squad

struct event *life_submitted(struct life *life)
{
    LIFE_DATA(life, order_submitted, submitted, life->place);
    data->need = TEXT("外来务工人员社保咨询");
    data->activity = TEXT("鄞聚一卡通·智慧码上行");
    data->category = TEXT("social_insurance");
    return life_add(life, SERVICE_intake, EVENT_order_submitted, data);
}

struct event *life_returned(struct life *life)
{
    LIFE_DATA(life, order_returned, returned, data->town);
    data->reason = TEXT("请写明人数");
    return life_add(life, SERVICE_intake, EVENT_order_returned, data);
}

struct event *life_resubmitted(struct life *life)
{
    LIFE_DATA(life, order_resubmitted, submitted, life->place);
    data->need = TEXT("外来务工人员约一千人社保咨询");
    data->category = TEXT("employment");
    data->urgency = URGENCY_urgent;
    data->expected_people = 1000;
    return life_add(life, SERVICE_intake, EVENT_order_resubmitted, data);
}

struct event *life_withdrawn(struct life *life)
{
    LIFE_DATA(life, order_withdrawn, withdrawn, life->place);
    data->reason = TEXT("已解决");
    return life_add(life, SERVICE_intake, EVENT_order_withdrawn, data);
}

struct event *life_placed(struct life *life)
{
    LIFE_DATA(life, order_placed, placed, TEXT(LIFE_TOWN));
    data->need = TEXT("外来务工人员社保咨询");
    data->activity = TEXT("鄞聚一卡通·智慧码上行");
    data->category = TEXT("social_insurance");
    return life_add(life, SERVICE_intake, EVENT_order_placed, data);
}

struct event *life_opened_external(struct life *life)
{
    LIFE_DATA(life, order_opened_external, placed, TEXT("feed-12345"));
    data->feed = TEXT("feed-12345");
    data->external_id = TEXT("101001");
    data->squad = life->squad;
    data->category = TEXT("social_insurance");
    data->need = TEXT("路灯不亮");
    return life_add(life, SERVICE_intake, EVENT_order_opened_external, data);
}

struct event *life_offered(struct life *life, const char *squad)
{
    life->squad = text_of(squad);
    life->assignment = life->offsets[1] + 1;
    LIFE_DATA(life, order_offered, offered, TEXT(""));
    LIFE_ASSIGNMENT(life);
    data->rank = 1;
    data->respond_by = life->clock + 60 * MINUTE_MS;
    return life_add(life, SERVICE_dispatch, EVENT_order_offered, data);
}

struct event *life_accepted(struct life *life)
{
    LIFE_DATA(life, assignment_accepted, scheduled, life->squad);
    LIFE_ASSIGNMENT(life);
    data->window_start = life->clock + 120 * MINUTE_MS;
    data->window_end = life->clock + 240 * MINUTE_MS;
    return life_add(life, SERVICE_dispatch, EVENT_assignment_accepted, data);
}

struct event *life_declined(struct life *life)
{
    LIFE_DATA(life, assignment_declined, offered, life->squad);
    LIFE_ASSIGNMENT(life);
    data->reason = TEXT("当日另有任务");
    return life_add(life, SERVICE_dispatch, EVENT_assignment_declined, data);
}

struct event *life_escalated(struct life *life)
{
    LIFE_DATA(life, order_escalated, escalated, TEXT(""));
    data->tried = 1;
    return life_add(life, SERVICE_dispatch, EVENT_order_escalated, data);
}

struct event *life_checked_in(struct life *life)
{
    LIFE_DATA(life, assignment_checked_in, in_service, life->squad);
    LIFE_ASSIGNMENT(life);
    return life_add(life, SERVICE_dispatch, EVENT_assignment_checked_in, data);
}

struct event *life_completed(struct life *life, int64_t people_served)
{
    static const struct count items[] = {{{"电子社保卡", sizeof "电子社保卡" - 1}, 780}};
    LIFE_DATA(life, assignment_completed, completed, life->squad);
    LIFE_ASSIGNMENT(life);
    data->people_served = people_served;
    data->items = (struct count_list){items, 1};
    data->outcome = TEXT("现场答复咨询");
    return life_add(life, SERVICE_dispatch, EVENT_assignment_completed, data);
}

struct event *life_confirmed(struct life *life, int64_t satisfaction)
{
    LIFE_DATA(life, order_confirmed, closed, life->place);
    LIFE_ASSIGNMENT(life);
    data->satisfaction = satisfaction;
    data->comment = TEXT("很满意");
    return life_add(life, SERVICE_dispatch, EVENT_order_confirmed, data);
}

struct event *life_reopened(struct life *life)
{
    LIFE_DATA(life, order_reopened, reopened, life->place);
    LIFE_ASSIGNMENT(life);
    data->reason = TEXT("还有人没有办成");
    return life_add(life, SERVICE_dispatch, EVENT_order_reopened, data);
}

struct event *life_cancelled(struct life *life, const char *by)
{
    LIFE_DATA(life, order_cancelled, cancelled, text_of(by));
    LIFE_ASSIGNMENT(life);
    data->reason = TEXT("活动改期");
    return life_add(life, SERVICE_dispatch, EVENT_order_cancelled, data);
}

struct event *life_closed_external(struct life *life)
{
    LIFE_DATA(life, order_closed_external, closed, TEXT("feed-12345"));
    data->squad = life->squad;
    data->outcome = TEXT("已修复");
    return life_add(life, SERVICE_dispatch, EVENT_order_closed_external, data);
}

static void put(struct directory *directory, const char *code, enum organisation_kind kind,
                const char *parent, const char *zh, const char *short_zh, const char *en)
{
    directory_put_organisation(directory,
                               &(struct organisation){
                                   .district = TEXT(LIFE_DISTRICT),
                                   .code = text_of(code),
                                   .kind = kind,
                                   .name_zh = text_of(zh),
                                   .short_zh = text_of(short_zh),
                                   .name_en = text_of(en),
                                   .parent = text_of(parent),
                                   .site_kind = kind == KIND_site ? SITE_worksite : SITE_none,
                                   .brand = TEXT(""),
                                   .capacity = 1,
                                   .version = 1,
                               });
}

struct directory *life_directory(void)
{
    struct directory *directory = directory_new();
    directory_put_district(directory, &(struct district){.code = TEXT(LIFE_DISTRICT),
                                                         .name_zh = TEXT("鄞州区"),
                                                         .name_en = TEXT("Yinzhou"),
                                                         .time_zone = TEXT("Asia/Shanghai"),
                                                         .version = 1});
    put(directory, "committee", KIND_committee, "", "区直机关工委", "", "Committee");
    put(directory, LIFE_TOWN, KIND_town, "", "邱隘镇", "", "Qiuai");
    put(directory, "330212008", KIND_town, "", "百丈街道", "", "Baizhang");
    put(directory, LIFE_PLACE, KIND_village, LIFE_TOWN, "回龙村村委会", "回龙村", "Huilong");
    put(directory, "330212008006", KIND_village, "330212008", "划船社区居委会", "划船社区", "");
    put(directory, "worksite-1", KIND_site, LIFE_PLACE, "回龙村工地", "", "");
    put(directory, "hrss", KIND_department, "", "区人社局", "", "");
    put(directory, "court", KIND_department, "", "区法院", "", "");
    put(directory, LIFE_SQUAD, KIND_squad, "hrss", "社会保险店小二", "", "Social Insurance");
    put(directory, "rencai", KIND_squad, "hrss", "人才就业店小二", "", "");
    put(directory, "feed-12345", KIND_feed, "", "12345 热线", "", "");
    put(directory, "surveyor-1", KIND_surveyor, "", "第三方机构", "", "");
    return directory;
}
