import CCurl
import Dispatch
import Domain
import Foundation

/// One mail on its way. libcurl waits, so it runs on a thread that may.
final class MailTransfer: Sendable {
  private static let queue = DispatchQueue(label: "stet.mail", attributes: .concurrent)
  /// Once for the process, before anything else of libcurl.
  private static let started: Bool = stet_curl_start() == CURLE_OK

  private let server: MailServer
  private let protection: MailServer.Protection
  private let from: String
  private let to: String
  private let text: [UInt8]
  private let authorities: String?
  private let deadline: Duration
  private let flag = StopFlag()

  init(
    server: MailServer, protection: MailServer.Protection, from: String, to: String,
    text: [UInt8], authorities: String?, deadline: Duration
  ) {
    self.server = server
    self.protection = protection
    self.from = from
    self.to = to
    self.text = text
    self.authorities = authorities
    self.deadline = deadline
  }

  func run() async throws(NotifierError) {
    let failure = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<NotifierError?, Never>) in
        Self.queue.async { continuation.resume(returning: self.perform()) }
      }
    } onCancel: {
      flag.set()
    }
    if let failure { throw failure }
  }

  private func perform() -> NotifierError? {
    guard Self.started, let curl = curl_easy_init() else {
      return NotifierError(code: .unreachable, detail: "libcurl cannot be started.")
    }
    defer { curl_easy_cleanup(curl) }
    var upload = stet_curl_upload()
    var recipients: UnsafeMutablePointer<curl_slist>?
    recipients = curl_slist_append(recipients, "<\(to)>")
    defer { curl_slist_free_all(recipients) }
    return text.withUnsafeBytes { bytes in
      upload.bytes = bytes.bindMemory(to: CChar.self).baseAddress
      upload.length = bytes.count
      return withUnsafeMutablePointer(to: &upload) { upload in
        guard set(curl, recipients, upload) else {
          return NotifierError(
            code: .rejected, detail: "libcurl on this machine cannot send mail as it is asked to.")
        }
        let code = curl_easy_perform(curl)
        return code == CURLE_OK ? nil : failure(code, answer: stet_curl_answer(curl))
      }
    }
  }

  private func set(
    _ curl: UnsafeMutableRawPointer, _ recipients: UnsafeMutablePointer<curl_slist>?,
    _ upload: UnsafeMutablePointer<stet_curl_upload>
  ) -> Bool {
    let (seconds, attoseconds) = deadline.components
    let milliseconds = max(1, Int(seconds) * 1_000 + Int(attoseconds / 1_000_000_000_000_000))
    var codes = [
      stet_curl_only_mail(curl),
      stet_curl_set_text(curl, CURLOPT_URL, server.shown),
      stet_curl_set_number(curl, CURLOPT_NOSIGNAL, 1),
      stet_curl_set_number(curl, CURLOPT_TIMEOUT_MS, milliseconds),
      stet_curl_set_number(curl, CURLOPT_CONNECTTIMEOUT_MS, min(10_000, milliseconds)),
      stet_curl_set_number(
        curl, CURLOPT_USE_SSL,
        Int(protection == .required ? CURLUSESSL_ALL.rawValue : CURLUSESSL_TRY.rawValue)),
      stet_curl_set_number(
        curl, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
      // A mail server is asked directly, whatever proxies the web goes by.
      stet_curl_set_text(curl, CURLOPT_PROXY, ""),
      stet_curl_set_text(curl, CURLOPT_MAIL_FROM, "<\(from)>"),
      stet_curl_set_list(curl, CURLOPT_MAIL_RCPT, recipients),
      stet_curl_drop_answers(curl),
      stet_curl_set_upload(curl, upload),
      stet_curl_end_when_set(curl, flag.pointer),
    ]
    if let user = server.user, let password = server.password {
      codes.append(stet_curl_set_text(curl, CURLOPT_USERNAME, user))
      codes.append(stet_curl_set_text(curl, CURLOPT_PASSWORD, password))
    }
    if let authorities { codes.append(stet_curl_set_text(curl, CURLOPT_CAINFO, authorities)) }
    return codes.allSatisfy { $0 == CURLE_OK }
  }

  /// In our words: the server's could repeat addresses and texts.
  /// - Parameter answer: the last reply code of SMTP.
  private func failure(_ code: CURLcode, answer: Int) -> NotifierError {
    func error(_ code: NotifierError.Code, _ what: String) -> NotifierError {
      NotifierError(code: code, detail: "The mail server \(server.shown) \(what).")
    }
    switch code {
    case CURLE_ABORTED_BY_CALLBACK:
      return NotifierError(code: .cancelled, detail: "The mail was not sent: the program stops.")
    case CURLE_OPERATION_TIMEDOUT: return error(.unreachable, "did not answer in time")
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT:
      return error(.unreachable, "cannot be reached")
    case CURLE_USE_SSL_FAILED:
      return error(
        .rejected, "offers no TLS; STET_SMTP_TLS=optional allows it for a relay without a password")
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
      return error(
        .rejected, "has a certificate that nobody vouches for; see STET_SMTP_CA_FILE")
    case CURLE_SSL_CONNECT_ERROR: return error(.unreachable, "made no secure connection")
    // A server that is only busy says so with 4xx.
    case CURLE_LOGIN_DENIED where !(400...499).contains(answer):
      return error(.rejected, "refuses the user or the password")
    default:
      if (500...599).contains(answer) { return error(.rejected, "refuses the mail (\(answer))") }
      if (400...499).contains(answer) {
        return error(.unreachable, "takes no mail now (\(answer))")
      }
      return error(.unreachable, "ended the conversation")
    }
  }
}

/// A number that one thread sets and libcurl looks at. `@unchecked`: the pointer never changes, and
/// what it points to is read and written atomically.
private final class StopFlag: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<CInt>

  init() {
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: 0)
  }

  deinit { pointer.deallocate() }

  func set() { stet_curl_set_flag(pointer) }
}
