/* Where webhooks may go: schemes, parts and hosts of URLs, and addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/url.h"

static const struct url_policy strict = {false, false}, http_too = {true, false},
                               everywhere = {true, true};

static void https_to_the_public_is_allowed(void **state)
{
    static const char *const urls[] = {"https://example.org/",
                                       "https://example.org:8443/a/b?c=d&e=f", "https://8.8.8.8/",
                                       "https://[2606:4700::1111]/", "HTTPS://Example.ORG/"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        if (!url_allowed(text_of(urls[i]), &strict))
            fail_msg("refused: %s", urls[i]);
}

static void what_is_never_allowed(void **state)
{
    static const char *const urls[] = {"",
                                       "nonsense",
                                       "ftp://example.org/",
                                       "file:///etc/passwd",
                                       "https://user@example.org/",
                                       "https://user:word@example.org/",
                                       "https://example.org/#part",

                                       "https://exa mple.org/",
                                       "https://example.org/\n",
                                       "https://\xe4\xbe\x8b.cn/",
                                       "javascript:alert(1)",
                                       "gopher://example.org/",
                                       "https://example.org:99999/"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        if (url_allowed(text_of(urls[i]), &everywhere))
            fail_msg("allowed: %s", urls[i]);
}

static void http_and_private_hosts_by_setting(void **state)
{
    static const char *const hosts[] = {"https://localhost/",
                                        "https://127.0.0.1/",
                                        "https://127.1/",
                                        "https://2130706433/",
                                        "https://0x7f000001/",
                                        "https://10.0.0.1/",
                                        "https://172.16.0.1/",
                                        "https://172.31.255.255/",
                                        "https://192.168.1.1/",
                                        "https://169.254.169.254/",
                                        "https://100.64.0.1/",
                                        "https://0.0.0.0/",
                                        "https://[::1]/",
                                        "https://[::]/",
                                        "https://[fe80::1]/",
                                        "https://[fd00::1]/",
                                        "https://[::ffff:10.0.0.1]/",
                                        "https://224.0.0.1/",
                                        "https://[ff02::1]/",
                                        "https://[64:ff9b::7f00:1]/",
                                        "https://[64:ff9b:1::a9fe:a9fe]/"};
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        if (url_allowed(text_of(hosts[i]), &strict))
            fail_msg("allowed: %s", hosts[i]);
        if (!url_allowed(text_of(hosts[i]), &everywhere))
            fail_msg("refused: %s", hosts[i]);
    }
    assert_false(url_allowed(TEXT("http://example.org/"), &strict));
    assert_true(url_allowed(TEXT("http://example.org/"), &http_too));
    assert_false(url_allowed(TEXT("http://127.0.0.1/"), &http_too));
}

static bool is_private(int family, const char *text)
{
    uint8_t address[16];
    assert_int_equal(inet_pton(family, text, address), 1);
    return address_is_private(family, address);
}

static void addresses_at_the_edges(void **state)
{
    (void)state;
    assert_true(is_private(AF_INET, "172.16.0.0") && is_private(AF_INET, "172.31.255.255"));
    assert_false(is_private(AF_INET, "172.15.255.255") || is_private(AF_INET, "172.32.0.0"));
    assert_true(is_private(AF_INET, "100.64.0.0") && is_private(AF_INET, "100.127.255.255"));
    assert_false(is_private(AF_INET, "100.63.255.255") || is_private(AF_INET, "100.128.0.0"));
    assert_true(is_private(AF_INET, "255.255.255.255") && is_private(AF_INET, "198.19.0.1"));
    assert_false(is_private(AF_INET, "223.255.255.255") || is_private(AF_INET, "198.20.0.1"));
    assert_true(is_private(AF_INET6, "2002:7f00:1::1") && is_private(AF_INET6, "::ffff:127.0.0.1"));
    assert_false(is_private(AF_INET6, "2002:808:808::1") || is_private(AF_INET6, "2001:db9::1"));
    assert_true(address_is_private(AF_UNIX, "")); /* no other family is public */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(https_to_the_public_is_allowed),
        cmocka_unit_test(what_is_never_allowed),
        cmocka_unit_test(http_and_private_hosts_by_setting),
        cmocka_unit_test(addresses_at_the_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
