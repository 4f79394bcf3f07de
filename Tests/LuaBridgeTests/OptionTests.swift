import LuaBridge
import Testing
import Words

/// Option tables.
struct OptionTests {
    @Test(arguments: [
        ("print(lorawb.adapt())", "8\t0.5\t\n"),
        ("print(lorawb.adapt {r = 4, lora_alpha = 32, target_modules = {'query', 'value'}})", "4\t32.0\tquery,value\n"),
        ("print(lorawb.adapt {r = 4.0, target_modules = 'query'})", "4\t0.5\tquery\n"),
        ("local t = {r = 4}; lorawb.adapt(t); print(next(t), next(t, 'r'))", "r\tnil\n"),
        ("print(lorawb.adapt {bias = 'none', callback = print, slab = lorawb.zeros(1)})", "8\t0.5\t\n"),
    ])
    func reads(_ source: String, _ expected: String) throws {
        let world = try World()
        #expect(world.output(source) == expected)
    }

    @Test(arguments: [
        ("{lora_aplha = 3}", "adapt: unknown option 'lora_aplha'; did you mean 'lora_alpha'?"),
        ("{R = 3}", "adapt: unknown option 'R'; did you mean 'r'?"),
        ("{zzzzzz = 3}", "adapt: unknown option 'zzzzzz'; there are r, lora_alpha"),
        ("{use_dora = true}", "adapt: option 'use_dora' is not supported"),
        ("{r = 'x'}", "adapt: option 'r' expected an integer from 1 to 2147483648, got string 'x'"),
        ("{r = '8'}", "adapt: option 'r' expected an integer from 1 to 2147483648, got string '8'"),
        ("{r = 8.5}", "adapt: option 'r' expected an integer from 1 to 2147483648, got 8.5"),
        ("{r = 0/0}", "adapt: option 'r' expected an integer from 1 to 2147483648, got "),
        ("{r = 2^63}", "adapt: option 'r' expected an integer from 1 to 2147483648, got 9.223372036854776e+18"),
        ("{r = 0}", "adapt: option 'r' expected an integer from 1 to 2147483648, got 0"),
        ("{r = {}}", "adapt: option 'r' expected an integer from 1 to 2147483648, got table"),
        ("{lora_alpha = true}", "adapt: option 'lora_alpha' expected a finite number, got boolean true"),
        (
            "{target_modules = {1}}",
            "adapt: option 'target_modules' expected a string or a list of strings, got 1 at place 1"
        ),
        (
            "{bias = 'non'}",
            "adapt: option 'bias' expected one of 'none', 'all', 'lora_only', got 'non'; did you mean 'none'?"
        ),
        ("{bias = 1}", "adapt: option 'bias' expected one of 'none', 'all', 'lora_only', got 1"),
        ("{slab = lorawb.token(1)}", "adapt: option 'slab' expected test.Slab, got test.Token"),
        ("{callback = 'f'}", "adapt: option 'callback' expected a function, got string 'f'"),
        ("{'r', 'x'}", "adapt: options expected as name = value, got a list of 2"),
        ("{[1.5] = 2}", "adapt: unknown option '1.5'"),
        ("{b = 1, a = 2}", "adapt: unknown option 'a'"),
        ("5", "bad argument #1 'config' to 'adapt' (table expected, got 5)"),
        ("'r'", "bad argument #1 'config' to 'adapt' (table expected, got string 'r')"),
    ])
    func refuses(_ options: String, _ expected: String) throws {
        let world = try World()
        let message = try #require(world.failure("\n\nlorawb.adapt(\(options))")).message
        #expect(message.hasPrefix("recipe.lua:3: " + expected), "\(message)")
    }

    @Test(
        arguments: [
            ("lora_aplha", ["lora_alpha", "lora_dropout"], "lora_alpha"), ("r", ["q"], nil), ("rr", ["r", "qr"], "qr"),
            ("qery", ["key", "query", "value"], "query"), ("abcdefgh", ["ijklmnop"], nil), ("", ["a"], nil),
        ] as [(String, [String], String?)])
    func suggests(_ name: String, _ candidates: [String], _ expected: String?) {
        #expect(nearestName(to: name, in: candidates) == expected)
    }
}
