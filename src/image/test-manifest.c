/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "image/chunk.h"
#include "image/manifest.h"

enum { CHUNK = 64 << 10, COUNT = 5 };

/* Five chunks, the second and third zero, the last one short. */
static void make(struct image_manifest *m)
{
    assert_int_equal(
        image_manifest_init(m, "debian-12", "amd64", (COUNT - 1) * CHUNK + 512, CHUNK, NULL), 0);
    assert_int_equal(m->chunk_count, COUNT);
    uint64_t offset = 0;
    for (size_t i = 0; i < COUNT; i++) {
        struct image_chunk *c = &m->chunks[i];
        uint32_t raw = image_chunk_raw_length(m, i);
        c->zero = i == 1 || i == 2;
        c->length = c->zero ? (uint32_t)image_zero_frame_length(raw) : 400 + (uint32_t)i;
        c->offset = offset;
        offset += c->length;
        if (!c->zero) {
            memset(c->frame_digest, (int)i + 1, IMAGE_DIGEST_SIZE);
            memset(c->raw_digest, (int)i + 11, IMAGE_DIGEST_SIZE);
        }
    }
    m->data_size = offset;
    m->node = true;
    assert_int_equal(str_copy(m->kubernetes, sizeof(m->kubernetes), "v1.20.2"), 0);
    assert_int_equal(str_copy(m->proxy_image, sizeof(m->proxy_image), "a.test/kube-proxy:1"), 0);
    assert_int_equal(str_copy(m->dns_image, sizeof(m->dns_image), "a.test/coredns:2"), 0);
    m->boot.root_partition = 4;
    assert_int_equal(str_copy(m->boot.kernel, sizeof(m->boot.kernel), "/boot/vmlinuz-6.1"), 0);
    assert_int_equal(str_copy(m->boot.initrd, sizeof(m->boot.initrd), "/boot/initrd.img-6.1"), 0);
    assert_int_equal(str_copy(m->boot.cmdline, sizeof(m->boot.cmdline), "root=x console=tty0"), 0);
}

static char *print(const struct image_manifest *m)
{
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(image_manifest_print(m, &text, &len, NULL), 0);
    return text;
}

static void test_round_trip(void **state)
{
    (void)state;
    _automanifest_ struct image_manifest m = {0}, copy = {0};
    make(&m);
    _autofree_ char *text = print(&m);
    assert_int_equal(image_manifest_parse(text, strlen(text), &copy, NULL), 0);
    assert_string_equal(copy.name, "debian-12");
    assert_true(copy.node);
    assert_string_equal(copy.kubernetes, "v1.20.2");
    assert_string_equal(copy.proxy_image, "a.test/kube-proxy:1");
    assert_string_equal(copy.dns_image, "a.test/coredns:2");
    assert_string_equal(copy.boot.kernel, "/boot/vmlinuz-6.1");
    assert_int_equal(copy.chunk_count, COUNT);
    assert_int_equal(copy.data_size, m.data_size);
    assert_memory_equal(copy.chunks, m.chunks, COUNT * sizeof(*m.chunks));
    _autofree_ char *again = print(&copy);
    assert_string_equal(text, again);
    assert_int_equal(image_chunk_raw_length(&copy, COUNT - 1), 512);
    assert_int_equal(image_chunk_position(&copy, 2), 2 * CHUNK);
}

/* Replaces the first `from` in the text by `to` and expects the parser to refuse it with `why`. */
static void refuse(const char *from, const char *to, const char *why)
{
    _automanifest_ struct image_manifest m = {0}, out = {0};
    make(&m);
    _autofree_ char *text = print(&m);
    char *at = strstr(text, from);
    assert_non_null(at);
    _autofree_ char *bad = str_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    struct err err = ERR_INIT;
    int r = image_manifest_parse(bad, strlen(bad), &out, &err);
    assert_true(r == -EBADMSG || r == -EMSGSIZE);
    if (!strstr(err_text(&err), why))
        fail_msg("\"%s\" does not say \"%s\"", err_text(&err), why);
    assert_null(out.chunks);
}

static void test_refuses(void **state)
{
    (void)state;
    static const char kubernetes[] = "{\"version\":\"v1.20.2\",\"proxyImage\":"
                                     "\"a.test/kube-proxy:1\",\"dnsImage\":"
                                     "\"a.test/coredns:2\"}";
    refuse("slipway-image/1", "slipway-image/2", "format");
    refuse("blake2b-256", "md5", "hash");
    refuse("\"debian-12\"", "\"../etc\"", "name");
    refuse("\"debian-12\"", "12", "name: a string");
    refuse("\"diskSize\":262656", "\"diskSize\":262657", "diskSize");
    refuse("\"diskSize\":262656", "\"diskSize\":0", "diskSize");
    refuse("\"diskSize\":262656", "\"diskSize\":-512", "diskSize");
    refuse("\"diskSize\":262656", "\"diskSize\":9223372036854775296", "diskSize");
    refuse("\"diskSize\":262656", "\"diskSize\":2.5", "diskSize");
    refuse("\"diskSize\":262656", "\"diskSize\":327680512", "lengths");
    refuse("\"chunkSize\":65536", "\"chunkSize\":65537", "chunkSize");
    refuse("\"chunkSize\":65536", "\"chunkSize\":32768", "chunkSize");
    refuse("\"dataSize\":", "\"dataSize\":9", "dataSize");
    refuse("\"lengths\":[400", "\"lengths\":[0", "lengths[0]");
    refuse("\"lengths\":[400", "\"lengths\":[70000", "chunks[0]");
    refuse("\"lengths\":[400", "\"lengths\":[\"400\"", "lengths[0]");
    refuse("[[1,2]]", "[[1,3]]", "base64");
    refuse("[[1,2]]", "[[0,1],[2,1]]", "chunks[0]");
    refuse("[[1,2]]", "[[2,1],[1,1]]", "zero[1]");
    refuse("[[1,2]]", "[[1,5]]", "zero[0]");
    refuse("[[1,2]]", "[[4611686018427387904,4611686018427387904]]", "zero[0]");
    refuse("[[1,2]]", "[1,2]", "zero[0]");
    refuse("\"frames\":\"", "\"frames\":\"AAAA", "frames");
    refuse("\"rootPartition\":4", "\"rootPartition\":129", "rootPartition");
    refuse("slipway-node", "slipway-nod", "firstBoot");
    refuse("v1.20.2", "1.20.2", "kubernetes.version: not a version");
    refuse("v1.20.2", "", "kubernetes: version: empty");
    refuse("v1.20.2", "v1.20.2-01234567890123456789012345678901", "kubernetes: version: longer");
    refuse("\"v1.20.2\"", "1", "kubernetes: version: a string");
    refuse("\"version\"", "\"release\"", "kubernetes: unknown field");
    refuse("\"a.test/coredns:2\"", "2", "kubernetes: dnsImage: a string");
    refuse(kubernetes, "\"v1.20.2\"", "kubernetes: an object");
    refuse(kubernetes, "{}", "kubernetes: version: a string");
    refuse("/boot/vmlinuz-6.1", "boot/vmlinuz", "boot.kernel");
    refuse("/boot/vmlinuz-6.1", "/boot/../../x", "boot.kernel");
    refuse("root=x console", "root=x\\nconsole", "boot.cmdline");
    refuse("\"name\"", "\"extra\":1,\"name\"", "unknown field");
    refuse("\"name\"", "\"name\":\"a\",\"name\"", "line 1");
    refuse("\"lengths\"", "\"length\"", "unknown field");
    refuse("}", "", "line 1");
}

static void test_bounds_chunk_count(void **state)
{
    (void)state;
    struct image_manifest m;
    struct err err = ERR_INIT;
    uint64_t limit = (uint64_t)IMAGE_CHUNKS_MAX * IMAGE_CHUNK_SIZE_MIN;
    assert_int_equal(image_manifest_init(&m, "a", "amd64", limit + 512, IMAGE_CHUNK_SIZE_MIN, &err),
                     -EMSGSIZE);
    assert_int_equal(image_manifest_init(&m, "a", "amd64", limit, IMAGE_CHUNK_SIZE_MIN, &err), 0);
    image_manifest_clear(&m);
}

static void test_names(void **state)
{
    (void)state;
    assert_true(image_name_valid("debian-12"));
    assert_true(image_name_valid("a"));
    assert_true(image_name_valid("debian-12.5"));
    static const char *const bad[] = {"",  "-a",  "a-",  ".",    "..",   "a..b",
                                      "A", "a/b", "a_b", "a.-b", "a-.b", " "};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(image_name_valid(bad[i]));
    assert_false(image_name_valid(NULL));
    assert_false(
        image_name_valid("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void test_kubernetes_versions(void **state)
{
    (void)state;
    static const char *const good[] = {"v1.20.2", "v1.31.0-rc.1", "v0.0.0",
                                       "v1.20.2-alpha.0-1+ab.c", "v1.20.2+debian"};
    static const char *const bad[] = {
        "",         "v",        "1.20.2",   "v1.20",       "v1.20.",
        "v1.20.2.", "v1.20.2-", "v1.020.2", "v1.20.2 ",    "v1.20.2-a..b",
        "v1.20.2+", "v-1.20.2", "v1.20.2_", "v1.20.2-a/b", "v1.20.1234567890"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(image_kubernetes_version_valid(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(image_kubernetes_version_valid(bad[i]));
}

UNIT_MAIN(cmocka_unit_test(test_kubernetes_versions), cmocka_unit_test(test_round_trip),
          cmocka_unit_test(test_refuses), cmocka_unit_test(test_bounds_chunk_count),
          cmocka_unit_test(test_names))
