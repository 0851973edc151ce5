/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/image.h"

#include "resource/format.h"

const char *const image_phase_values[] = {"Pending", "Ready", "Failed", NULL};

#define S struct image_spec
const struct field image_spec_fields[] = {
    F_STRING(S, manifest, "manifest", .format = &format_file_name,
             .doc = "File name of the image's manifest in the server's image folder.",
             .late = "the Image's name and .json"),
    F_STRING(S, url, "url", .format = &format_url, .doc = "Where the image came from."),
    F_STRING(S, description, "description", .format = &format_text,
             .doc = "What the image is, for people."),
    F_STRINGS(S, kernel_arguments, "kernelArguments", 0, .max_items = 64,
              .doc = "Arguments added to the kernel command line of the manifest."),
    {0}};
#undef S

#define S struct image_status
const struct field image_status_fields[] = {
    F_INT(S, observed_generation, "observedGeneration",
          .doc = "metadata.generation that this status is about."),
    F_ENUM(S, phase, "phase", image_phase_values, .flags = FIELD_SELECTABLE,
           .doc = "Whether the image can be installed."),
    F_OBJECTS(S, conditions, "conditions", struct condition, condition_fields, 0, .max_items = 32,
              .doc = "Conditions of the Image: Ready."),
    F_INT(S, size_bytes, "sizeBytes", .doc = "Size of the disk in bytes."),
    F_INT(S, compressed_bytes, "compressedBytes", .doc = "Size of the data file in bytes."),
    F_INT(S, chunk_count, "chunkCount", .doc = "Number of chunks."),
    F_STRING(S, digest, "digest", .doc = "BLAKE2b-256 digest of the manifest."),
    F_STRING(S, architecture, "architecture", .doc = "Processor architecture, such as amd64."),
    F_STRINGS(S, firmware, "firmware", FIELD_UNIQUE, .max_items = 4,
              .doc = "Firmware that the image boots on: bios, uefi."),
    F_STRING(S, kubernetes_version, "kubernetesVersion",
             .doc = "Version of Kubernetes that is in the image, such as v1.20.2; none: it is no "
                    "node of a cluster."),
    {0}};
#undef S

static const struct field image_fields[] = {
    F_OBJECT(struct image, spec, "spec", struct image_spec, image_spec_fields,
             .doc = "What the Image should be."),
    F_OBJECT(struct image, status, "status", struct image_status, image_status_fields,
             .doc = "What the server knows about the Image."),
    {0}};

static const struct column image_columns[] = {
    {"Phase", "string", ".status.phase", "Whether the image can be installed", 0},
    {"Size", "integer", ".status.sizeBytes", "Size of the disk in bytes", 0},
    {"Compressed", "integer", ".status.compressedBytes", "Size of the data file in bytes", 0},
    {"Architecture", "string", ".status.architecture", "Processor architecture", 0},
    {"Age", "date", ".metadata.creationTimestamp", "Time since the Image was created", 0},
    {"Kubernetes", "string", ".status.kubernetesVersion", "Version of Kubernetes in it", 1},
    {"Digest", "string", ".status.digest", "Digest of the manifest", 1},
    {"Description", "string", ".spec.description", "What the image is", 1},
    {0}};

const struct kind kind_image = {
    .group = GROUP_NAME,
    .version = GROUP_VERSION,
    .kind = "Image",
    .singular = "image",
    .plural = "images",
    .short_names = (const char *const[]){"img", NULL},
    .categories = (const char *const[]){"slipway", NULL},
    .doc = "A disk image in the server's image folder.",
    .has_status = true,
    .fields = image_fields,
    .columns = image_columns,
    .size = sizeof(struct image),
};

int image_decode(const json_t *json, struct image **ret, struct err *err)
{
    void *object;
    int r = object_decode(&kind_image, json, &object, err);
    if (r >= 0)
        *ret = object;
    return r;
}

void image_free(struct image *image)
{
    object_free(image);
}
