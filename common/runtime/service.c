#include "runtime/service.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/version.h"
#include "runtime/clock.h"
#include "runtime/front.h"
#include "runtime/health.h"
#include "runtime/log.h"

#define EXIT_USAGE        2
#define DESCRIPTORS_MAX   65536
#define MEMORY_KEPT_BYTES (4 * 1024 * 1024)
#define MEMORY_STEP_BYTES (256 * 1024)

static bool speaks_chinese(void)
{
    const char *lang = getenv("ZTC_LANG");
    if (lang == NULL || lang[0] == '\0')
        lang = getenv("LANG");
    return lang != NULL && strncmp(lang, "zh", 2) == 0;
}

static void usage(enum service service, FILE *out)
{
    bool zh = speaks_chinese();
    const char *name = words_name(&words_service, (int)service);
    fprintf(out,
            zh ? "用法：%s [--help] [--version]\n直通车的%s服务。全部设置来自环境变量：\n\n"
               : "Usage: %s [--help] [--version]\nThe %s service of Zhitongche. All settings are "
                 "environment variables:\n\n",
            name, zh ? words_service.zh[service] : words_service.en[service]);
    config_print_help(service, zh, out);
}

/* 0: go on; else the exit status + 1. */
static int options(enum service service, int argc, char **argv)
{
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "hv", known, NULL)) != -1) {
        if (option == 'h') {
            usage(service, stdout);
            return 1;
        }
        if (option == 'v') {
            printf("%s %s\n", words_name(&words_service, (int)service), ZTC_VERSION);
            return 1;
        }
        usage(service, stderr);
        return EXIT_USAGE + 1;
    }
    return 0;
}

static int run(const struct service_definition *definition, const struct config *config,
               int stop_descriptor)
{
    const char *name = words_name(&words_service, (int)definition->desk.service);
    struct health *health = health_new(name, config->http);
    if (health == NULL) {
        log_line(LEVEL_ERROR, "cannot listen for health checks", {"http", log_string(config->http)},
                 {"errno", log_string(strerror(errno))});
        return EXIT_FAILURE;
    }
    struct front *front = front_new(definition, config);
    bool open =
        (definition->prepare == NULL || definition->prepare(definition->desk.state, config)) &&
        front_open(front);
    if (open)
        open = front_run(front, stop_descriptor);
    front_destroy(&front);
    if (definition->finish != NULL)
        definition->finish(definition->desk.state);
    health_destroy(&health);
    if (open)
        log_line(LEVEL_INFO, "stopped", {"instance", log_string(config->instance)});
    return open ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Every connection takes a descriptor, also one of somebody without a key until its handshake's
 * time is over, and czmq ends the process that has none left: as many as the system allows. */
static void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    if (limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_line(LEVEL_WARN, "the limit of descriptors stays as it is",
                 {"errno", log_string(strerror(errno))});
}

/* What a batch or a burst of requests took is taken again a moment later: it is not given back to
 * the system in between, page by page, up to this much for each thread. */
static void memory_keep(void)
{
    mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, MEMORY_KEPT_BYTES);
    mallopt(M_TOP_PAD, MEMORY_STEP_BYTES);
}

int service_run(const struct service_definition *definition, int argc, char **argv)
{
    enum service service = definition->desk.service;
    int status = options(service, argc, argv);
    if (status != 0)
        return status - 1;
    struct config config;
    char problem[1024];
    if (!config_read(service, &config, problem, sizeof problem)) {
        fprintf(stderr, "%s: %s\n", words_name(&words_service, (int)service), problem);
        return EXIT_USAGE;
    }
    log_open(words_name(&words_service, (int)service), config.instance, config.log_level,
             config.log_format);
    if (!clock_open(config.clock)) {
        fprintf(stderr,
                "ZTC_CLOCK: %s: system, RFC 3339 or an absolute path / 应为 system、RFC 3339 "
                "时刻或文件绝对路径\n",
                config.clock);
        return EXIT_USAGE;
    }
    descriptors_raise();
    memory_keep();
    signal(SIGPIPE, SIG_IGN);
    zsys_handler_set(NULL); /* signals are ours, not czmq's */
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    int stop_descriptor = signalfd(-1, &stops, SFD_NONBLOCK | SFD_CLOEXEC);
    if (stop_descriptor < 0)
        return EXIT_FAILURE;
    status = run(definition, &config, stop_descriptor);
    close(stop_descriptor);
    zsys_shutdown();
    return status;
}
