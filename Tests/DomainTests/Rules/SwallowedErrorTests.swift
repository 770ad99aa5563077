import Testing

@testable import Domain

@Suite struct SwallowedErrorTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      try:
          f()
      except Exception:◀
          pass
      x = 1
      """),
    RuleCase(
      "a.py",
      """
      except:◀
          pass
      """),
    RuleCase(
      "a.py",
      """
      except Exception: pass◀
      """),
    RuleCase(
      "a.py",
      """
      except KeyError:
          pass
      """),
    RuleCase(
      "a.py",
      """
      except Exception:
          pass  # the cache is only a hint
      x = 1
      """),
    RuleCase(
      "a.py",
      """
      except Exception as e:
          log(e)
      """),
    RuleCase(
      "a.py",
      """
      except Exception:
          pass
          log()
      """),
    RuleCase(
      "test_a.py",
      """
      except Exception:
          pass
      """),
    RuleCase(
      "a.js",
      """
      try { f() } catch (e) {}◀
      try { f() } catch {}◀
      p.catch(() => {})◀
      p.catch((e) => { log(e) })
      """),
    RuleCase(
      "a.ts",
      """
      } catch (e) {◀
      }

      """),
    RuleCase(
      "a.ts",
      """
      } catch (e) {
        // ignored: the file may be gone
      }
      } catch (e) { log(e) }
      """),
    RuleCase(
      "a.swift",
      """
      do { try f() } catch {}◀
      do { try f() } catch { log(error) }
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(SwallowedError()) }
}
