import ArgumentParser
@main struct Stet: ParsableCommand { static let configuration = CommandConfiguration(version: "0") }
