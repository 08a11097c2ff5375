/* What services say to each other, from one that means no good: nothing but what a bundle can hold
 * is taken for one, and what is taken gives the same bytes again. Corpus:
 * tests/fuzz/corpus/bundle/.
 */
#include <stdlib.h>
#include <string.h>

#include "bus/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t length);

static void require(bool held)
{
    if (!held)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t length)
{
    static struct bus_bundle again;
    struct bytes rest = {at, length};
    size_t count = bus_bundle_count(rest);
    bool fits = length <= sizeof again.at;
    again.length = again.count = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t number;
        struct bytes body;
        bus_bundle_next(&rest, &number, &body);
        require(body.length > 0);
        require(bus_bundle_add(&again, number, body) || !fits);
    }
    require(count == 0 || rest.length == 0);
    if (count > 0 && fits)
        require(again.length == length && memcmp(again.at, at, length) == 0);
    return 0;
}
