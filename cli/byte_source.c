#include "cli/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define CHUNK        65536
#define MEMORY_LIMIT ((uint64_t)512 * 1024 * 1024) /* of the xz decoder */

static const uint8_t xz_magic[] = {0xfd, '7', 'z', 'X', 'Z', 0};

struct byte_source {
    int descriptor;
    bool packed, ended;
    off_t size; /* 0: not a regular file */
    off_t taken;
    lzma_stream stream;
    uint8_t chunk[CHUNK];
    size_t at, end; /* of the chunk, plain files */
    char problem[256];
};

static bool chunk_fill(struct byte_source *source)
{
    ssize_t n;
    do
        n = read(source->descriptor, source->chunk, sizeof source->chunk);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        snprintf(source->problem, sizeof source->problem, "%s", strerror(errno));
        return false;
    }
    source->ended = n == 0;
    source->taken += n;
    source->at = 0;
    source->end = (size_t)n;
    return true;
}

/* A pipe may give less than the magic's bytes at first. */
static bool magic_peek(struct byte_source *source)
{
    while (source->end < sizeof xz_magic) {
        ssize_t n = read(source->descriptor, source->chunk + source->end, CHUNK - source->end);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0) {
            source->ended = true;
            break;
        }
        source->end += (size_t)n;
        source->taken += n;
    }
    source->packed =
        source->end >= sizeof xz_magic && memcmp(source->chunk, xz_magic, sizeof xz_magic) == 0;
    return true;
}

struct byte_source *byte_source_open(const char *path)
{
    struct stat status;
    int descriptor = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return NULL;
    struct byte_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        abort();
    *source = (struct byte_source){.descriptor = descriptor, .stream = LZMA_STREAM_INIT};
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
        source->size = status.st_size;
    if (!magic_peek(source)) {
        int reason = errno;
        byte_source_close(&source);
        errno = reason;
        return NULL;
    }
    if (source->packed) {
        if (lzma_stream_decoder(&source->stream, MEMORY_LIMIT, LZMA_CONCATENATED) != LZMA_OK)
            abort(); /* out of memory */
        source->stream.next_in = source->chunk;
        source->stream.avail_in = source->end;
    }
    return source;
}

void byte_source_close(struct byte_source **source)
{
    if (*source == NULL)
        return;
    lzma_end(&(*source)->stream);
    close((*source)->descriptor);
    free(*source);
    *source = NULL;
}

static ssize_t plain_read(struct byte_source *source, uint8_t *to, size_t size)
{
    if (source->at == source->end && !source->ended && !chunk_fill(source))
        return -1;
    size_t n = source->end - source->at;
    n = n < size ? n : size;
    memcpy(to, source->chunk + source->at, n);
    source->at += n;
    return (ssize_t)n;
}

static const char *xz_problem(lzma_ret code)
{
    if (code == LZMA_MEMLIMIT_ERROR || code == LZMA_MEM_ERROR)
        return SAY("解压所需内存过多", "unpacking needs too much memory");
    if (code == LZMA_BUF_ERROR)
        return SAY("文件不完整（xz 提前结束）", "the file is incomplete: xz ends early");
    return SAY("文件已损坏（xz 校验不符）", "the file is damaged: xz cannot unpack it");
}

static ssize_t packed_read(struct byte_source *source, uint8_t *to, size_t size)
{
    lzma_stream *stream = &source->stream;
    stream->next_out = to;
    stream->avail_out = size;
    lzma_ret code = LZMA_OK;
    while (stream->avail_out == size && code == LZMA_OK) {
        if (stream->avail_in == 0 && !source->ended) {
            if (!chunk_fill(source))
                return -1;
            stream->next_in = source->chunk;
            stream->avail_in = source->end;
        }
        code = lzma_code(stream, source->ended ? LZMA_FINISH : LZMA_RUN);
    }
    if (code != LZMA_OK && code != LZMA_STREAM_END && stream->avail_out == size) {
        snprintf(source->problem, sizeof source->problem, "%s", xz_problem(code));
        return -1;
    }
    return (ssize_t)(size - stream->avail_out);
}

ssize_t byte_source_read(struct byte_source *source, uint8_t *to, size_t size)
{
    if (source->problem[0] != '\0')
        return -1;
    return source->packed ? packed_read(source, to, size) : plain_read(source, to, size);
}

const char *byte_source_problem(const struct byte_source *source)
{
    return source->problem;
}

double byte_source_done(const struct byte_source *source)
{
    return source->size > 0 ? (double)source->taken / (double)source->size : -1.0;
}
