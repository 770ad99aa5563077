import ServiceLifecycle

/// Services that are asked to stop at the same moment: a group would wait for each in turn, and one
/// that takes its time would cost the next the time that it was promised.
struct TogetherService: Service {
  let services: [any Service]

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for service in services { group.addTask { try await service.run() } }
      // The first that fails ends the others, which waiting for all would not.
      while try await group.next() != nil {}
    }
  }
}
