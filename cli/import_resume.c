#include "cli/import_resume.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define FORMAT 1

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
#define NUMBER(field)                                                                              \
    {                                                                                              \
#field, offsetof(struct import_totals, field)                                              \
    }
    NUMBER(read),          NUMBER(rejected),   NUMBER(clipped),       NUMBER(opened_new),
    NUMBER(opened_before), NUMBER(closed_new), NUMBER(closed_before),
#undef NUMBER
};

static int64_t *number_at(struct import_totals *totals, size_t i)
{
    return (int64_t *)(void *)((char *)totals + numbers[i].offset);
}

static bool fields_read(json_t *root, struct import_resume *resume)
{
    const char *run = json_string_value(json_object_get(root, "run"));
    const char *header = json_string_value(json_object_get(root, "header"));
    json_t *totals = json_object_get(root, "totals");
    if (json_integer_value(json_object_get(root, "format")) != FORMAT || run == NULL ||
        strlen(run) >= sizeof resume->run || header == NULL ||
        strlen(header) >= sizeof resume->header)
        return false;
    snprintf(resume->run, sizeof resume->run, "%s", run);
    snprintf(resume->header, sizeof resume->header, "%s", header);
    resume->line = json_integer_value(json_object_get(root, "line"));
    resume->rejects_bytes = json_integer_value(json_object_get(root, "rejects_bytes"));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *number_at(&resume->totals, i) =
            json_integer_value(json_object_get(totals, numbers[i].name));
    return resume->line > 0 && resume->rejects_bytes >= 0;
}

int import_resume_read(const char *path, struct import_resume *resume, char *problem, size_t size)
{
    json_error_t error;
    *resume = (struct import_resume){.line = 0};
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return 0;
    json_t *root = json_load_file(path, 0, &error);
    bool fine = root != NULL && fields_read(root, resume);
    json_decref(root);
    if (!fine)
        snprintf(problem, size,
                 SAY("%s 不是导入进度文件", "%s is not a file of an import's progress"), path);
    return fine ? 1 : -1;
}

/* The rename is lasting once the directory is synced. */
static bool directory_sync(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(directory, sizeof directory, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool fine = fsync(descriptor) == 0;
    close(descriptor);
    return fine;
}

static bool file_replace(const char *path, const char *content)
{
    char fresh[PATH_MAX];
    int length = snprintf(fresh, sizeof fresh, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof fresh) {
        errno = ENAMETOOLONG;
        return false;
    }
    FILE *out = fopen(fresh, "we");
    if (out == NULL)
        return false;
    bool fine = fputs(content, out) >= 0 && fputc('\n', out) != EOF && fflush(out) == 0 &&
                fsync(fileno(out)) == 0;
    fine = fclose(out) == 0 && fine;
    return fine && rename(fresh, path) == 0 && directory_sync(path);
}

bool import_resume_write(const char *path, const struct import_resume *resume)
{
    struct import_totals totals = resume->totals;
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(json, numbers[i].name, json_integer(*number_at(&totals, i)));
    json_t *root = json_pack("{s:i, s:s, s:s, s:I, s:I, s:o}", "format", FORMAT, "run", resume->run,
                             "header", resume->header, "line", (json_int_t)resume->line,
                             "rejects_bytes", (json_int_t)resume->rejects_bytes, "totals", json);
    char *content = json_dumps(root, JSON_INDENT(2));
    bool fine = content != NULL && file_replace(path, content);
    int reason = errno;
    free(content);
    json_decref(root);
    errno = reason;
    return fine;
}
