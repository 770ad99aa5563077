import Storage

@main
enum QueueBench {
  static func main() async throws {}
}
