/* The document's joint session: 区发改局重大项目, 区审管办政策咨询 and 区征管中心项目攻坚 go to
 * 划船社区 in 百丈街道 together, for its Future Community project. None of them has a key of the
 * stack's, so that the operator's registers one for each, which are revoked at the end. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/keys.h"
#include "cli/play.h"

#define DISTRICT "330212"
#define VILLAGE  "330212008006"
#define TOWN     "330212008"
#define LEAD     "development-reform-major-projects"
#define ADVICE   "approval-policy-advice"
#define DELIVERY "expropriation-project-delivery"

#define ACTIVITY "未来社区创建组团服务"
#define NEED     "划船社区创建未来社区，项目审批、政策适用与征收推进诸事交织，请三支小分队同到现场会商"

enum side { SIDE_VILLAGE, SIDE_TOWN, SIDE_LEAD, SIDE_ADVICE, SIDE_DELIVERY, SIDE_COUNT };
#define SQUADS_FIRST SIDE_LEAD

static const struct {
    const char *code;
    enum role role;
    const char *zh, *en;
} sides[SIDE_COUNT] = {
    {VILLAGE, ROLE_village, "划船社区", "Huachuan Community"},
    {TOWN, ROLE_town, "百丈街道", "Baizhang Subdistrict"},
    {LEAD, ROLE_squad, "重大项目小分队（牵头）", "the major-projects squad (lead)"},
    {ADVICE, ROLE_squad, "政策咨询小分队", "the policy-advice squad"},
    {DELIVERY, ROLE_squad, "项目攻坚小分队", "the project-delivery squad"},
};

/* What each squad leaves behind; `days` from the session to its due date. */
static const struct {
    int64_t people, issues;
    const char *outcome, *resolution, *owner;
    int days;
} services[SIDE_COUNT] = {
    [SIDE_LEAD] = {36, 2, "梳理未来社区立项材料，明确申报路径", "完成未来社区项目立项申报",
                   "development-reform", 30},
    [SIDE_ADVICE] = {36, 1, "逐项解读审批与补助政策", "编制一次性告知清单并送社区", "approval", 14},
    [SIDE_DELIVERY] = {36, 3, "现场核对征收进度，约定分户商谈", "完成剩余住户征收商谈",
                       "expropriation", 60},
};

struct joint {
    struct play *play;
    char dir[64]; /* of the keys; empty: none was made */
    struct session *operator, * feeds[SIDE_COUNT];
    char public_keys[SIDE_COUNT][KEYS_PUBLIC_SIZE]; /* registered; else empty */
};

static const char *who(enum side side)
{
    return SAY(sides[side].zh, sides[side].en);
}

static bool step(struct joint *joint, enum side side, enum command_type type, const void *body,
                 enum refusal_code expected)
{
    return play_step(joint->play, joint->feeds[side], who(side), type, body, expected);
}

/* --- keys ------------------------------------------------------------------------------------- */

static bool key_begin(struct joint *joint, enum side side)
{
    struct play *play = joint->play;
    char problem[512], *path = arena_alloc(play->arena, KEYS_PATH_MAX);
    if (!keys_make(joint->dir, sides[side].code, false, problem, sizeof problem) ||
        !keys_secret_path(joint->dir, sides[side].code, path)) {
        cli_complain("%s", problem);
        return false;
    }
    struct key_register body;
    message_clear(&command_types[COMMAND_key_register], &body);
    char public_key[KEYS_PUBLIC_SIZE];
    if (!keys_public(path, public_key))
        return false;
    body.district = TEXT(DISTRICT);
    body.organisation = text_of(sides[side].code);
    body.role = (int)sides[side].role;
    body.public_key = text_of(public_key);
    body.name = TEXT("ztc play");
    if (!play_step(play, joint->operator, SAY("运维", "the operator"), COMMAND_key_register, &body,
                   REFUSAL_NONE))
        return false;
    memcpy(joint->public_keys[side], public_key, sizeof public_key);
    joint->feeds[side] = link_open(&play->link, LINK_FEED, path, 1);
    return joint->feeds[side] != NULL;
}

static void key_end(struct joint *joint, enum side side)
{
    char path[KEYS_PATH_MAX];
    session_destroy(&joint->feeds[side]);
    if (keys_secret_path(joint->dir, sides[side].code, path)) {
        unlink(path);
        path[strlen(path) - strlen("_secret")] = '\0';
        unlink(path);
    }
    if (joint->public_keys[side][0] == '\0')
        return;
    struct key_revoke body = {.public_key = text_of(joint->public_keys[side])};
    play_step(joint->play, joint->operator, SAY("运维", "the operator"), COMMAND_key_revoke, &body,
              REFUSAL_NONE);
}

static struct session *open_as(struct play *play, enum link_face face, const char *role)
{
    struct link_options link = play->link;
    link.key_file = NULL;
    link.role = role;
    const char *key = link_key(&link, NULL);
    return key == NULL ? NULL : link_open(&link, face, key, 1);
}

static bool begin(struct joint *joint)
{
    struct play *play = joint->play;
    joint->operator= open_as(play, LINK_FEED, "operator");
    play->query = open_as(play, LINK_QUERY, "committee");
    if (joint->operator== NULL || play->query == NULL)
        return false;
    snprintf(joint->dir, sizeof joint->dir, "/tmp/ztc-play-XXXXXX");
    if (mkdtemp(joint->dir) == NULL) {
        joint->dir[0] = '\0';
        cli_complain("%s", SAY("不能建立密钥目录", "cannot make a directory for the keys"));
        return false;
    }
    for (int side = 0; side < SIDE_COUNT; side++)
        if (!key_begin(joint, (enum side)side))
            return false;
    return true;
}

static void end(struct joint *joint)
{
    for (int side = 0; side < SIDE_COUNT && joint->dir[0] != '\0'; side++)
        key_end(joint, (enum side)side);
    if (joint->dir[0] != '\0')
        rmdir(joint->dir);
    session_destroy(&joint->operator);
}

/* --- the case --------------------------------------------------------------------------------- */

static bool wish(struct joint *joint, int day)
{
    static const struct text required[] = {TEXT(LEAD), TEXT(ADVICE), TEXT(DELIVERY)};
    struct play *play = joint->play;
    struct order_submit submit;
    message_clear(&command_types[COMMAND_order_submit], &submit);
    submit.activity = TEXT(ACTIVITY);
    submit.need = TEXT(NEED);
    submit.category = TEXT("future_community");
    submit.required = (struct text_list){required, 3};
    submit.lead = TEXT(LEAD);
    submit.window_start = play_day_start(play, day);
    submit.window_end = play_day_end(play, day);
    submit.expected_people = 40;
    if (!step(joint, SIDE_VILLAGE, COMMAND_order_submit, &submit, REFUSAL_NONE))
        return false;
    struct order_place place;
    message_clear(&command_types[COMMAND_order_place], &place);
    place.order = play->order;
    return step(joint, SIDE_TOWN, COMMAND_order_place, &place, REFUSAL_NONE) &&
           play_offer_wait(play);
}

/* False with play->refused window_taken: another day is to be tried. */
static bool accept_all(struct joint *joint)
{
    struct assignment_accept body;
    message_clear(&command_types[COMMAND_assignment_accept], &body);
    body.order = joint->play->order; /* the wanted window */
    for (int side = SQUADS_FIRST; side < SIDE_COUNT; side++)
        if (!step(joint, (enum side)side, COMMAND_assignment_accept, &body, REFUSAL_window_taken))
            return false;
    return true;
}

/* All three on one day: the first on which none of them is full. */
static bool book(struct joint *joint)
{
    struct order_cancel cancel;
    message_clear(&command_types[COMMAND_order_cancel], &cancel);
    cancel.reason = TEXT("有小分队该日已约满，改约他日");
    for (int day = 0; day < PLAY_DAYS_MAX; day++) {
        if (!wish(joint, day))
            return false;
        if (accept_all(joint))
            return true;
        cancel.order = joint->play->order;
        if (joint->play->refused != REFUSAL_window_taken ||
            !step(joint, SIDE_VILLAGE, COMMAND_order_cancel, &cancel, REFUSAL_NONE))
            return false;
    }
    cli_complain("%s",
                 SAY("一年之内没有三队都空闲的一天", "no day is free for all three within a year"));
    return false;
}

static struct text due_after(const struct play *play, int days)
{
    struct civil civil;
    if (!instant_to_civil(link_zone(&play->link), play_day_start(play, days), &civil))
        return TEXT("2200-12-31");
    return arena_format(play->arena, "%04d-%02d-%02d", civil.year, civil.month, civil.day);
}

static bool complete(struct joint *joint, enum side side)
{
    struct play *play = joint->play;
    const struct resolution resolution = {
        .text = text_of(services[side].resolution),
        .owner = text_of(services[side].owner),
        .due = due_after(play, services[side].days),
    };
    struct assignment_complete body;
    message_clear(&command_types[COMMAND_assignment_complete], &body);
    body.order = play->order;
    body.people_served = services[side].people;
    body.issues_found = services[side].issues;
    body.minutes = 180;
    body.outcome = text_of(services[side].outcome);
    body.resolutions = (struct resolution_list){&resolution, 1};
    return step(joint, side, COMMAND_assignment_complete, &body, REFUSAL_NONE);
}

static bool serve(struct joint *joint)
{
    struct assignment_check_in check_in;
    message_clear(&command_types[COMMAND_assignment_check_in], &check_in);
    check_in.order = joint->play->order;
    for (int side = SQUADS_FIRST; side < SIDE_COUNT; side++)
        if (!step(joint, (enum side)side, COMMAND_assignment_check_in, &check_in, REFUSAL_NONE))
            return false;
    for (int side = SQUADS_FIRST; side < SIDE_COUNT; side++)
        if (!complete(joint, (enum side)side))
            return false;
    struct order_confirm confirm;
    message_clear(&command_types[COMMAND_order_confirm], &confirm);
    confirm.order = joint->play->order;
    confirm.satisfaction = 5;
    return step(joint, SIDE_VILLAGE, COMMAND_order_confirm, &confirm, REFUSAL_NONE);
}

bool play_joint(struct play *play)
{
    struct joint joint = {.play = play};
    bool begun = begin(&joint);
    if (!begun && play->code == CLI_OK)
        play->code = CLI_ENVIRONMENT;
    bool fine = begun && book(&joint) && serve(&joint) && play_page_print(play);
    end(&joint);
    return fine;
}
