#ifndef STET_CCURL_SHIM_H
#define STET_CCURL_SHIM_H

#include <curl/curl.h>
#include <string.h>

// Swift calls no C function of a variable number of arguments, so each form of option has one here.

static inline CURLcode stet_curl_set_text(CURL *curl, CURLoption option, const char *value) {
  return curl_easy_setopt(curl, option, value);
}

static inline CURLcode stet_curl_set_number(CURL *curl, CURLoption option, long value) {
  return curl_easy_setopt(curl, option, value);
}

static inline CURLcode stet_curl_set_list(
    CURL *curl, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(curl, option, value);
}

// Only what speaks SMTP, whatever an address says.
static inline CURLcode stet_curl_only_mail(CURL *curl) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
#else
  return curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_SMTP | CURLPROTO_SMTPS));
#endif
}

// A message that is read from its beginning to its end.
struct stet_curl_upload {
  const char *bytes;
  size_t length;
  size_t offset;
};

static inline size_t stet_curl_read(char *buffer, size_t size, size_t count, void *context) {
  struct stet_curl_upload *upload = (struct stet_curl_upload *)context;
  size_t left = upload->length - upload->offset;
  size_t room = size * count;
  size_t taken = left < room ? left : room;
  memcpy(buffer, upload->bytes + upload->offset, taken);
  upload->offset += taken;
  return taken;
}

static inline CURLcode stet_curl_set_upload(CURL *curl, struct stet_curl_upload *upload) {
  CURLcode code = curl_easy_setopt(curl, CURLOPT_READFUNCTION, stet_curl_read);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_READDATA, (void *)upload);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  return code;
}

// What servers say is of no use, and must not reach standard output.
static inline size_t stet_curl_drop(char *bytes, size_t size, size_t count, void *context) {
  (void)bytes;
  (void)context;
  return size * count;
}

static inline CURLcode stet_curl_drop_answers(CURL *curl) {
  return curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, stet_curl_drop);
}

// A flag that another thread sets to end the transfer.
static inline int stet_curl_look(
    void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  (void)a;
  (void)b;
  (void)c;
  (void)d;
  return __atomic_load_n((const int *)context, __ATOMIC_RELAXED);
}

static inline CURLcode stet_curl_end_when_set(CURL *curl, int *flag) {
  CURLcode code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stet_curl_look);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)flag);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  return code;
}

static inline void stet_curl_set_flag(int *flag) {
  __atomic_store_n(flag, 1, __ATOMIC_RELAXED);
}

static inline CURLcode stet_curl_set_error_buffer(CURL *curl, char *buffer) {
  return curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, buffer);
}

static inline long stet_curl_answer(CURL *curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

static inline CURLcode stet_curl_start(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

#endif
