package demo

// topic is a conversation. {a} and {b} are replaced with a word from the lists, the same
// in prompt and answer.
type topic struct {
	system, prompt, answer string
	a, b                   []string
}

var topics = []topic{
	{
		"You are a support assistant of a web shop. Answer in two or three sentences.",
		"A customer writes: \"My {a} arrived with {b}. I want my money back.\" Draft a reply.",
		"I am sorry that your {a} arrived with {b}. You can send it back free of charge within 30 days; the label is attached to this message, and the refund reaches your account three working days after the parcel reaches us. If you would rather have a replacement, just reply to this message.",
		[]string{"coffee grinder", "desk lamp", "bicycle helmet", "rain jacket", "keyboard", "tent", "kettle"},
		[]string{"a cracked housing", "a missing screw", "the wrong plug", "a torn seam", "a dead battery"},
	},
	{
		"Extract the fields as JSON. Do not explain.",
		"Invoice no. {a} of 14 March, total {b} EUR, payable within 14 days to Hafen Logistik GmbH.",
		"{\"invoice\": \"{a}\", \"date\": \"03-14\", \"total\": {b}, \"currency\": \"EUR\", \"due_days\": 14, \"payee\": \"Hafen Logistik GmbH\"}",
		[]string{"2024-1183", "2024-1190", "2024-2207", "A-5512", "A-5530"},
		[]string{"118.40", "2450.00", "79.99", "12800.50", "640.00"},
	},
	{
		"You write SQL for PostgreSQL.",
		"Table {a} has columns id, created_at and amount. Give me the {b} of amount for each day of the last week, days without rows included.",
		"SELECT d::date AS day, coalesce({b}(t.amount), 0)\nFROM generate_series(current_date - 6, current_date, interval '1 day') AS d\nLEFT JOIN {a} t ON t.created_at >= d AND t.created_at < d + interval '1 day'\nGROUP BY d ORDER BY d;\n\nThe series makes the days that have no rows, and the half-open range keeps an index on created_at usable.",
		[]string{"orders", "payments", "refunds", "shipments"},
		[]string{"sum", "max", "avg"},
	},
	{
		"You review code briefly and precisely.",
		"Is anything wrong with this Go function?\n\nfunc {a}(xs []int) int {\n\ttotal := 0\n\tfor i := range xs {\n\t\ttotal += i\n\t}\n\treturn total\n}\n\nIt is called from {b}.",
		"Yes: `for i := range xs` yields indexes, so {a} adds up positions rather than values. Write `for _, x := range xs { total += x }`. With an empty slice both versions return 0, which is why a test with no elements does not show it; check what {b} passes.",
		[]string{"sum", "addAll", "totalOf", "countUp"},
		[]string{"the billing job", "an HTTP handler", "the nightly report"},
	},
	{
		"",
		"Explain {a} to a {b} in at most five sentences.",
		"Imagine that you keep a list in a notebook. {a} is an agreement about who may write in it and when, so that nobody's line gets lost. It costs a little waiting, and in return everyone sees the same list. For a {b} the important part is what happens when someone stops in the middle: the page is either finished or torn out, never half written. Everything else is detail.",
		[]string{"two-phase commit", "a write-ahead log", "optimistic locking", "a consensus protocol"},
		[]string{"new colleague", "twelve-year-old", "product manager", "lawyer"},
	},
	{
		"Fasse Texte in zwei Sätzen zusammen.",
		"Zusammenfassen: Die Stadtwerke {a} erneuern bis zum Herbst die Wasserleitungen in der {b}. Während der Bauarbeiten wird der Verkehr einspurig an der Baustelle vorbeigeführt; die Buslinie 12 hält ersatzweise am Rathaus. Für Anlieger bleibt die Zufahrt nachts frei.",
		"In der {b} werden bis zum Herbst die Wasserleitungen der Stadtwerke {a} erneuert, der Verkehr läuft einspurig. Die Linie 12 hält solange am Rathaus, und nachts ist die Zufahrt für Anlieger möglich.",
		[]string{"Bremen", "Göttingen", "Fürth", "Würzburg"},
		[]string{"Lindenstraße", "Große Gasse", "Königsallee", "Mühlenstraße"},
	},
	{
		"",
		"Traduis en français : \"The {a} is closed on {b} because of staff training.\"",
		"« Le {a} est fermé {b} pour cause de formation du personnel. » Selon le contexte, on peut aussi dire « en raison d’une formation interne ».",
		[]string{"musée", "café", "théâtre", "guichet"},
		[]string{"le lundi", "le mardi", "à Noël", "le 1er août"},
	},
	{
		"Responde siempre en español y con amabilidad.",
		"¿Qué puedo cocinar con {a} y {b} en menos de media hora?",
		"¡Buena combinación! Saltea el {a} en trozos pequeños con un poco de aceite y ajo, añade {b} y una pizca de pimentón, y sírvelo con arroz. En unos veinte minutos está listo. Si te sobra, mañana está aún más rico.",
		[]string{"calabacín", "pollo", "tofu", "jamón"},
		[]string{"espinacas", "piñones", "champiñones", "garbanzos"},
	},
	{
		"丁寧な日本語で答えてください。",
		"{a}への出張の日程を変更したいのですが、{b}さんへの短いメールを書いてください。",
		"件名：{a}出張の日程変更のお願い\n\n{b}様\n\nいつもお世話になっております。来週予定しておりました{a}への出張につきまして、社内の都合により翌週へ変更させていただけませんでしょうか。ご迷惑をおかけし申し訳ございません。何卒よろしくお願いいたします。",
		[]string{"大阪", "札幌", "福岡", "仙台"},
		[]string{"田中", "佐藤", "鈴木", "高橋"},
	},
	{
		"请用简体中文回答。",
		"我们的{a}服务在{b}变慢了，应该先检查什么？",
		"建议按顺序检查：一、{b}的请求量是否突然增加；二、{a}服务的数据库连接池是否已满；三、慢查询日志里是否出现新的语句；四、最近一次发布改了什么。先看指标，再改配置，每次只改一处。",
		[]string{"支付", "搜索", "登录", "库存"},
		[]string{"晚高峰", "凌晨备份时", "促销期间"},
	},
	{
		"أجب بإيجاز.",
		"ما الفرق بين {a} و{b} في قواعد البيانات؟",
		"{a} يضمن بقاء البيانات صحيحة أثناء العمل، أما {b} فيجعل الوصول إليها أسرع. نحتاج إلى الاثنين معًا، لكن لكل منهما تكلفة عند الكتابة.",
		[]string{"القيد", "القفل"},
		[]string{"الفهرس", "التخزين المؤقت"},
	},
	{
		"संक्षेप में उत्तर दें।",
		"{a} के लिए {b} मिनट की प्रस्तुति की रूपरेखा बनाइए।",
		"१. परिचय: {a} क्यों महत्वपूर्ण है\n२. आज की स्थिति और दो उदाहरण\n३. मुख्य चुनौतियाँ\n४. अगले कदम\n५. प्रश्नोत्तर\nकुल समय: {b} मिनट।",
		[]string{"सौर ऊर्जा", "जल संरक्षण", "ग्रामीण शिक्षा"},
		[]string{"१०", "१५", "२०"},
	},
	{
		"",
		"Напиши короткое объявление: {a} переносится на {b}.",
		"Уважаемые коллеги! {a} переносится на {b}. Место и повестка не меняются. Если новое время вам не подходит, напишите нам до конца дня. Спасибо за понимание!",
		[]string{"Совещание", "Семинар", "Экскурсия", "Собрание"},
		[]string{"четверг, 15:00", "понедельник, 10:30", "следующую неделю"},
	},
	{
		"",
		"Escreve um título e três pontos sobre {a} para a página de {b}.",
		"**{a}: o essencial em três passos**\n- Começa com pouco e mede o resultado.\n- Envolve as pessoas que usam {b} todos os dias.\n- Revê o plano ao fim de cada mês. 🚀",
		[]string{"poupança de energia", "segurança de dados", "formação à distância"},
		[]string{"serviços", "notícias", "clientes"},
	},
	{
		"",
		"{a} 여행에서 {b}에 가볼 만한 곳을 추천해 주세요.",
		"{b}이라면 {a}의 전통 시장을 먼저 추천합니다. 이른 시간에는 한산하고, 근처 골목에 오래된 찻집이 많습니다. 그다음에는 강변을 따라 걸어 보세요. 노을이 아름답습니다.",
		[]string{"전주", "부산", "경주", "강릉"},
		[]string{"비 오는 날", "주말 아침", "늦은 오후"},
	},
	{
		"You label messages with one of: bug, question, praise, other. Answer with the label and a confidence.",
		"\"Since the update the {a} page shows {b} 😕\"",
		"{\"label\": \"bug\", \"confidence\": 0.94}",
		[]string{"settings", "checkout", "export", "login"},
		[]string{"an empty table", "yesterday's numbers", "a spinner for ever", "twice the price"},
	},
	{
		"You are careful with medical topics and always say when to see a doctor.",
		"I take {a} and forgot one dose {b}. What now?",
		"As a rule a forgotten dose is left out when the next one is near, and two are never taken at once; but {a} has rules of its own, which the leaflet in the box names under \"If you forget to take\". Since it was {b}, a call to your pharmacy settles it in a minute. If you feel unwell, see a doctor today.",
		[]string{"a blood pressure tablet", "an antibiotic", "thyroid hormone", "an antihistamine"},
		[]string{"this morning", "last night", "two days ago"},
	},
	{
		"",
		"Write a limerick about a {a} that lived in {b}.",
		"A {a} that was living in {b}\nKept a ledger of all it had seen.\nWhen they asked it to share,\nIt said, \"Reader, beware:\nWhat I erase will be gone and stay clean.\"",
		[]string{"heron", "robot", "badger", "database"},
		[]string{"Skagen", "Tallinn", "a canteen", "Cork"},
	},
	{
		"",
		"Μετάφρασε στα ελληνικά: \"The {a} leaves at {b}.\"",
		"«Το δρομολόγιο ({a}) φεύγει στις {b}.» Αν πρόκειται για επίσημη ανακοίνωση, προτίμησε το «αναχωρεί».",
		[]string{"ferry", "night train", "airport bus"},
		[]string{"06:45", "13:10", "22:30"},
	},
	{
		"You plan rosters. Give the plan and one sentence of reasons.",
		"Four people, {a}, no one works two nights in a row. {b} cannot work on Tuesday.",
		"Mon: Ines, Tue: Omar, Wed: Ines, Thu: Petra, Fri: Omar, Sat: {b}, Sun: Petra. {b} is free on Tuesday as asked, everybody has at least one night off between two shifts, and over {a} the weekends alternate.",
		[]string{"one week", "two weeks", "four weeks"},
		[]string{"Ylva", "Tomasz", "Chidi"},
	},
}

// toolTopic is a conversation in which the model uses a tool.
type toolTopic struct {
	prompt, answer string
	tool           string
	arguments      string
	result         string
	a              []string
}

var toolTopics = []toolTopic{
	{
		"Where is my parcel {a}?", "Your parcel {a} left the depot in Leipzig at 06:12 today and should be with you before 18:00.",
		"track_parcel", `{"parcel": "{a}"}`, `{"parcel": "{a}", "status": "out_for_delivery", "depot": "Leipzig", "left_at": "06:12", "eta": "18:00"}`,
		[]string{"LX 4471 902", "LX 4471 955", "KD 0093 118", "KD 0101 740"},
	},
	{
		"Do I need an umbrella in {a} tomorrow?", "Yes, take one: showers are likely in {a} in the afternoon, with 11 °C and a fresh wind from the west.",
		"weather", `{"city": "{a}", "day": "tomorrow"}`, `{"city": "{a}", "rain_probability": 0.8, "high_c": 11, "wind": "W 5"}`,
		[]string{"Zürich", "Malmö", "Łódź", "São Paulo", "Reykjavík"},
	},
	{
		"How many open tickets does {a} have, and which is the oldest?", "{a} has 7 open tickets. The oldest is “Export misses the last row”, open for 19 days.",
		"search_tickets", `{"assignee": "{a}", "state": "open", "order": "created_at"}`, `{"count": 7, "oldest": {"title": "Export misses the last row", "age_days": 19}}`,
		[]string{"Priya", "Søren", "Zoë", "Matěj"},
	},
	{
		"{a}の在庫はまだありますか？", "はい、{a}は現在３点の在庫がございます。本日中のご注文で、明後日にお届けできます。",
		"stock", `{"item": "{a}"}`, `{"item": "{a}", "available": 3, "delivery_days": 2}`,
		[]string{"急須", "南部鉄器", "有田焼の皿"},
	},
	{
		"Convert our offer of {a} EUR to Swiss francs at today's rate.", "At today's rate of 0.9412 the offer of {a} EUR is just under that figure in francs; I have put both amounts into the draft.",
		"exchange_rate", `{"from": "EUR", "to": "CHF"}`, `{"rate": 0.9412, "as_of": "today", "amount": "{a}"}`,
		[]string{"12500", "980", "74300"},
	},
}

// failure is the outcome of a failed request; err is what the queue records.
type failure struct {
	status int
	err    string
}

var failures = []failure{
	{429, `{"type":"RetriesExhausted","details":{"status":429,"body":"{\"error\":{\"message\":\"Rate limit reached: 60 requests per minute. Try again in 14 s.\",\"type\":\"rate_limit_error\",\"code\":\"rate_limit_exceeded\"}}"}}`},
	{400, `{"type":"NonRetriableHttpStatus","details":{"status":400,"body":"{\"error\":{\"message\":\"This model's maximum context length is 32768 tokens. However, your messages resulted in 41210 tokens.\",\"type\":\"invalid_request_error\",\"param\":\"messages\",\"code\":\"context_length_exceeded\"}}"}}`},
	{503, `{"type":"RetriesExhausted","details":{"status":503,"body":"upstream connect error or disconnect/reset before headers. reset reason: connection termination"}}`},
	{500, `{"type":"NonRetriableHttpStatus","details":{"status":500,"body":"{\"error\":{\"message\":\"CUDA out of memory. Tried to allocate 2.50 GiB\",\"type\":\"server_error\"}}"}}`},
	{0, `{"type":"RequestTimeout","details":{"timeout_ms":600000,"message":"no answer from the model's server within 10 minutes"}}`},
	{404, `{"type":"NonRetriableHttpStatus","details":{"status":404,"body":"{\"error\":{\"message\":\"The model does not exist or you do not have access to it.\",\"type\":\"invalid_request_error\",\"code\":\"model_not_found\"}}"}}`},
	{0, `{"type":"RequestBuilder","details":{"message":"error sending request: dns error: failed to lookup address information: Name or service not known"}}`},
}

type model struct {
	name          string
	input, output string // price of a token in dollars
	tokensASecond float64
	weight        int
	reasons       bool
}

var models = []model{
	{"Qwen/Qwen3-235B-A22B-Instruct-2507", "0.00000020", "0.00000060", 48, 26, false},
	{"Qwen/Qwen3-30B-A3B-Thinking", "0.00000008", "0.00000029", 110, 14, true},
	{"openai/gpt-oss-120b", "0.00000010", "0.00000050", 120, 22, true},
	{"meta-llama/Llama-3.3-70B-Instruct", "0.00000023", "0.00000040", 62, 16, false},
	{"mistralai/Mistral-Small-3.2-24B-Instruct", "0.00000005", "0.00000010", 95, 14, false},
	{"deepseek-ai/DeepSeek-V3.1", "0.00000027", "0.00000100", 40, 8, true},
}
