import Domain
import Foundation
import Jobs
import Storage
import Testing
import UseCases

@testable import Server

/// What the pages show of a real database, hostile text included.
@Suite struct DashboardPagesTests {
  @Test func emptyPagesSayWhatToDoNext() async throws {
    try await withServer { server async throws in
      var visitor = DashboardVisitor(server)
      for (path, words) in [
        ("/", "Nothing has run yet. Point a webhook"), ("/", "No pull request waits to be merged"),
        ("/", "Nothing failed"), ("/ui/runs", "stet review"), ("/ui/jobs", "Jobs come by webhooks"),
        ("/ui/jobs?state=discarded", "All jobs"), ("/ui/issues", "issues.mode: gated"),
        ("/ui/audit", "Nothing has been recorded"),
        ("/ui/audit?place=x", "Places are written like"),
        ("/ui/reports", "Once a pull request was reviewed"), ("/ui/runs?before=0", "no older runs"),
      ] {
        let page = try await visitor.get(path)
        #expect(page.status == 200 && page.text.contains(words), "\(path): \(words)")
      }
      for (path, status, words) in [
        ("/ui/runs/nothing", 404, "The list of runs shows what there is"),
        ("/ui/jobs?state=odd", 422, "It has to be one of"),
        ("/ui/audit?before=x", 422, "whole number"),
        ("/ui/reports/a/%3Cscript%3E", 404, "Write OWNER/NAME"),
      ] {
        let page = try await visitor.get(path)
        #expect(page.status == status && page.text.contains(words), "\(path)")
        #expect(page.isHarmless)
      }
    }
  }

  @Test func theOverviewTellsHowItGoes() async throws {
    try await withServer({ ports, _ in
      ports.dashboard.budget = BudgetReading(perDay: 1_000) { _ throws(StoreError) in
        [
          TokenUse(repository: "forge:octo-org/shop", tokens: 1_200),
          TokenUse(repository: DashboardScene.script, tokens: 250),
        ]
      }
      ports.dashboard.webURL = "https://forge.example"
    }) { server async throws in
      let ports = server.ports
      try await ports.runs.save(DashboardScene.run(TimeOrderedID.next(Date())))
      try await ports.runs.save(
        DashboardScene.run(TimeOrderedID.next(Date()), outcome: .failed))
      try await DashboardScene.giveUp(ports)
      try await DashboardScene.propose(ports)
      try await Self.queue(ports)
      var visitor = DashboardVisitor(server)
      let page = try await visitor.get("/")
      #expect(page.status == 200 && page.isHarmless)
      for words in [
        "<strong>1</strong> discarded", "1 proposal waits", "It failed: &lt;script&gt;",
        "given up after 1 try", "The model said &lt;script&gt;", "request changes", "failed",
        "octo-org/shop, main", "2 pull requests", "Frozen: a release",
        "merges into main are frozen",
        "https://forge.example/octo-org/shop/issues/7", "1\u{202F}200, 120 %", "250, 25 %",
        "asked by github:&lt;script&gt;",
      ] { #expect(page.text.contains(words), "\(words)") }
    }
  }

  /// A queue of two, frozen.
  private static func queue(_ ports: ServerPorts) async throws {
    let access = ForgeAccess(forge: "forge", repository: DashboardScene.repository)
    try await MergeQueueSample.enqueue(
      [7, 8], branch: "main", freeze: "a release \(DashboardScene.script)", access,
      notes: try #require(ports.dashboard.notes), jobs: ports.jobs)
  }

  @Test func aRunShowsAllThatItLeft() async throws {
    try await withServer({ ports, _ in ports.dashboard.webURL = "https://forge.example/" }) {
      server async throws in
      let id = TimeOrderedID.next(Date())
      try await server.ports.runs.save(DashboardScene.run(id))
      var visitor = DashboardVisitor(server)
      let page = try await visitor.get("/ui/runs/\(id.uppercased())")
      #expect(page.status == 200 && page.isHarmless)
      for words in [
        "2 claims: 1 proved, 1 dropped", "quote mismatch", "proved by: anchor, quote",
        "claimed by model:m&lt;script&gt;", "a&lt;script&gt;alert(1)&lt;/script&gt;.py:3–4",
        "y = &quot;", "review.posted", "1 call, 1\u{202F}200 tokens in, 80 out", "$0.0123",
        "github:&lt;script&gt;", "2 of 3 hunks", "yarn.lock: lock file", "SHA-256 ab12",
        "href=\"https://forge.example/octo-org/shop/issues/7\"", "1 token",
      ] { #expect(page.text.contains(words), "\(words)") }
      #expect(page.body.count < 30_000)
    }
  }

  @Test func aRunThatIsStillToComeIsShownByItsJob() async throws {
    try await withServer { server async throws in
      let run = TimeOrderedID.next(Date())
      _ = try await server.ports.jobs.enqueue([
        NewJob(kind: Work.ReviewDiff.kind, arguments: "{}", run: run)
      ])
      var visitor = DashboardVisitor(server)
      let page = try await visitor.get("/ui/runs/\(run)")
      #expect(page.text.contains("queued") && page.text.contains("review-diff"))
    }
  }

  @Test func listsArePagedByKey() async throws {
    try await withServer { server async throws in
      let all = Paging.rows * 2 + 3
      for number in 0..<all {
        var run = DashboardScene.run(TimeOrderedID.next(Date()))
        run.subject = "subject-\(number)."
        run.review = nil
        try await server.ports.runs.save(run)
        try await server.ports.audit.append(
          AuditEvent(actor: "cli", action: "a.b", place: "place-\(number)."))
      }
      _ = try await server.ports.jobs.enqueue(
        (0..<all).map { NewJob(kind: "kind-\($0).", arguments: "{}") })
      var visitor = DashboardVisitor(server)
      for (first, mark) in [
        ("/ui/runs", "subject"), ("/ui/audit", "place"), ("/ui/jobs?state=available", "kind"),
      ] {
        var (seen, place, pages): (Set<String>, String?, Int) = ([], first, 0)
        while let next = place, pages < 10 {
          let page = try await visitor.get(next)
          #expect(page.status == 200)
          for match in page.text.matches(of: /(subject|place|kind)-\d+\./) {
            seen.insert(String(match.0))
          }
          place = page.text.firstMatch(of: /<p class="pages"><a href="([^"]+)"/).map {
            String($0.1).replacing("&amp;", with: "&")
          }
          pages += 1
        }
        #expect(seen.count { $0.hasPrefix(mark) } == all, "\(first)")
        #expect(pages == 3)
      }
    }
  }

  @Test func theAuditTrailIsFilteredByPlaceHoweverFarBack() async throws {
    try await withServer { server async throws in
      let audit = server.ports.audit
      try await audit.append(
        AuditEvent(
          actor: DashboardScene.script, action: "labels.confirmed", place: "forge:Octo-Org/shop#7",
          decidedBy: "dashboard", facts: ["labels": DashboardScene.hidden]))
      for number in 0..<600 {
        try await audit.append(AuditEvent(actor: "cli", action: "a.b", place: "other:\(number)"))
      }
      var visitor = DashboardVisitor(server)
      let page = try await visitor.get("/ui/audit?place=forge%3Aocto-org%2F")
      #expect(page.text.contains("labels.confirmed") && page.isHarmless)
      #expect(page.text.contains("decided by dashboard"))
      #expect(!page.text.contains("other:") && !page.text.contains("Older entries"))
      let hostile = try await visitor.get("/ui/audit?place=%22%3E%3Cscript%3Ealert(1)")
      #expect(hostile.isHarmless && hostile.text.contains("value=\"&quot;&gt;&lt;script"))
    }
  }

  @Test func jobsAreFilteredRunAgainAndCancelled() async throws {
    try await withServer { server async throws in
      let failed = try await DashboardScene.giveUp(server.ports)
      let waiting = try await server.ports.jobs.enqueue([
        NewJob(kind: "upkeep", arguments: "{}", delay: .seconds(600))
      ])[0].id
      var visitor = DashboardVisitor(server)
      let page = try await visitor.get("/ui/jobs?state=discarded")
      #expect(page.text.contains(failed) && !page.text.contains(waiting) && page.isHarmless)
      #expect(page.text.contains("This version knows no such kind"))
      let retried = try await visitor.post("/ui/jobs/\(failed)/retry")
      #expect(retried.headers["location"] == "/ui/jobs?state=available&said=retried")
      #expect(try await server.ports.jobs.job(id: failed)?.state == .available)
      let after = try await visitor.get("/ui/jobs?state=available&said=retried")
      #expect(after.text.contains("The job runs again.") && after.text.contains(failed))
      // It runs by now: once more is a conflict, told as a page.
      _ = try await server.ports.jobs.cancel(id: failed, reason: "x")
      try await visitor.get("/ui/jobs?state=scheduled")
      #expect(try await visitor.post("/ui/jobs/\(waiting)/cancel").status == 303)
      #expect(try await server.ports.jobs.job(id: waiting)?.state == .cancelled)
      try await visitor.get("/ui/jobs")
      let again = try await visitor.post("/ui/jobs/\(waiting)/cancel")
      #expect(again.status == 409 && again.text.contains("cancelled already"))
      try await visitor.get("/ui/jobs")
      #expect(try await visitor.post("/ui/jobs/none/cancel").status == 404)
      let actions = try await server.ports.audit.entries(after: 0, limit: 9).map(\.event.action)
      #expect(actions == ["job.retried", "job.cancelled"])
    }
  }

  // MARK: Issues

  @Test(arguments: [true, false])
  func aWordSetsOffTheJobOnceHoweverOftenItIsSent(isYes: Bool) async throws {
    try await withServer { server async throws in
      let ports = server.ports
      let waiting = try await DashboardScene.propose(ports)
      let (text, token) = try await server.makeToken(.write)
      var visitor = DashboardVisitor(server)
      _ = try await visitor.signIn(text)
      let page = try await visitor.get("/ui/issues")
      #expect(page.isHarmless)
      for words in [
        "octo-org/shop#7", "It breaks &lt;script&gt;", "&lt;script&gt;alert(1)", ">bug<",
        "91 % alike", "by the model",
      ] { #expect(page.text.contains(words), "\(words)") }
      let csrf = visitor.csrf
      let word = isYes ? "confirm" : "reject"
      for number in 0..<3 {
        let answer = try await visitor.post("/ui/issues/\(waiting)/\(word)", csrf: csrf)
        let said = number == 0 ? isYes ? "confirmed" : "rejected" : "already"
        #expect(answer.headers["location"] == "/ui/issues?said=\(said)")
      }
      // Another word comes too late.
      let other = isYes ? "reject" : "confirm"
      let late = try await visitor.post("/ui/issues/\(waiting)/\(other)", csrf: csrf)
      #expect(late.headers["location"] == "/ui/issues?said=already")

      let jobs = try await ports.jobs.jobs(JobFilter(kind: Work.ConfirmIssueLabels.kind))
      let said = try jobs.map { try Work.ConfirmIssueLabels(of: $0) }.filter { $0.word != nil }
      #expect(
        said.map(\.word) == [Work.ConfirmIssueLabels.Word(isYes: isYes, by: "token:\(token.id)")])
      #expect(try await ports.jobs.job(id: waiting)?.state == .cancelled)
      let events = try await ports.audit.entries(after: 0, limit: 20).map(\.event)
        .filter { $0.action.hasPrefix("labels.") }
      #expect(events.map(\.action) == [isYes ? "labels.confirmed" : "labels.rejected"])
      #expect(events.first?.actor == "token:\(token.id)")
      #expect(events.first?.place == "forge:octo-org/shop#7")
      let after = try await visitor.get("/ui/issues?said=confirmed")
      #expect(after.text.contains("a job does it now") && !after.text.contains("/confirm\""))
    }
  }

  @Test func whatWasSettledMeanwhileIsLeft() async throws {
    try await withServer { server async throws in
      let ports = server.ports
      let waiting = try await DashboardScene.propose(ports)
      var visitor = DashboardVisitor(server)
      try await visitor.get("/ui/issues")
      let csrf = visitor.csrf
      let store = try #require(ports.dashboard.publications)
      let reference = PullRequestReference(DashboardScene.repository, 7)
      var record = try #require(try await store.publication(on: "forge", of: reference))
      record.enrichment?.proposed = []
      _ = try await store.save(record)
      let answer = try await visitor.post("/ui/issues/\(waiting)/confirm", csrf: csrf)
      #expect(answer.headers["location"] == "/ui/issues?said=settled")
      let page = try await visitor.get("/ui/issues?said=settled")
      #expect(page.text.contains("wait for no word any more"))
      #expect(page.text.contains("No labels wait"))
      try await visitor.get("/ui/jobs")
      #expect(try await visitor.post("/ui/issues/none/confirm").status == 404)
      let other = try await DashboardScene.giveUp(ports)
      try await visitor.get("/ui/jobs")
      #expect(try await visitor.post("/ui/issues/\(other)/confirm").status == 404)
      #expect(
        try await ports.jobs.jobs(JobFilter(kind: Work.ConfirmIssueLabels.kind)).count == 1)
    }
  }

  // MARK: Reports

  @Test func aReportIsShownWithItsPlotsInOurStyle() async throws {
    try await withServer({ ports, _ in
      let runs = ports.runs
      let publications = try #require(ports.dashboard.publications)
      ports.dashboard.report = { name, days in
        try await MakeReport(
          runs: runs,
          outcomes: ReadOutcomes(
            ports: .init(runs: runs, publications: publications, openForge: nil))
        ).report(of: name, days: days)
      }
    }) { server async throws in
      try await server.ports.runs.save(DashboardScene.run(TimeOrderedID.next(Date())))
      var visitor = DashboardVisitor(server)
      let list = try await visitor.get("/ui/reports")
      #expect(list.text.contains("href=\"/ui/reports/octo-org/shop\""))
      #expect(
        try await visitor.get("/ui/reports?repository=octo-org%2Fshop").headers["location"]
          == "/ui/reports/octo-org/shop")
      #expect(try await visitor.get("/ui/reports?repository=x").text.contains("OWNER/NAME"))
      let page = try await visitor.get("/ui/reports/octo-org/shop?days=30")
      #expect(page.status == 200 && page.isHarmless)
      #expect(page.text.contains("<svg") && page.text.contains("octo-org/shop, "))
      #expect(!page.text.contains("<style") && page.text.components(separatedBy: "<h1>").count == 2)
      #expect(try await visitor.get("/ui/reports/octo-org/shop?days=999").status == 422)
      let empty = try await visitor.get("/ui/reports/octo-org/none")
      #expect(empty.text.contains("Nothing of this repository was reviewed"))
    }
  }

  // MARK: Templates

  @Test func everyTemplateCanBeRead() throws { _ = try PageTemplates.library() }

  @Test(arguments: [
    ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
    // What joins a mark to the sign before it, or after it, hides neither.
    ("\"\u{0301} x=\"y", "&quot;\u{0301} x=&quot;y"), ("\u{0600}<script", "\u{0600}&lt;script"),
    ("<\u{200D}a", "&lt;\u{200D}a"), ("a\u{0}b", "ab"), ("\r\n<", "\r\n&lt;"),
  ])
  func escapingGoesByScalar(text: String, expected: String) {
    #expect(Array(HTMLText.escaped(text).unicodeScalars) == Array(expected.unicodeScalars))
  }

  @Test(
    arguments: [
      ("https://forge.example", "https://forge.example/a/b/issues/3"),
      ("http://forge.example/base/", "http://forge.example/base/a/b/issues/3"),
      ("javascript:alert(1)", nil), ("data:text/html,x", nil), ("forge.example", nil), (nil, nil),
    ] as [(String?, String?)])
  func linksGoToTheForgeAlone(webURL: String?, expected: String?) {
    let links = PageLinks(forge: "forge", webURL: webURL)
    #expect(links.issue("forge:a/b#3") == expected)
    #expect(links.issue("a/b#3") == expected)
    for place in ["other:a/b#3", "a/b", "javascript:alert(1)", "a/../b#3", "a/b#-1", ""] {
      #expect(links.issue(place) == nil, "\(place)")
    }
  }
}
