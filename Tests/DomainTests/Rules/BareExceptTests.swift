import Testing

@testable import Domain

@Suite struct BareExceptTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      try:
          f()
      except:◀
          log()
      """),
    RuleCase(
      "a.py",
      """
      except BaseException:◀
          log()
      """),
    RuleCase(
      "a.py",
      """
      except :◀
          log()
      """),
    RuleCase(
      "a.py",
      """
      try:
          f()
      except:
          undo()
          raise
      x = 1
      """),
    RuleCase(
      "a.py",
      """
      except Exception:
          log()
      except (A, B):
          log()
      # except:
      s = 'except:'
      """),
    RuleCase(
      "a.js",
      """
      except:
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(BareExcept()) }

  @Test func `Suggests the narrower clause and keeps the comment`() {
    #expect(
      RuleCase("a.py", "    except:  # why\n        log()").suggestion(BareExcept())
        == "    except Exception:  # why")
  }
}
