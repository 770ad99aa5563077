import Testing
@Test func budgetStarts() { #expect(1 + 1 == 2) }
