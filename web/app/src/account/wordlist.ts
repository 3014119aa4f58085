/**
 * Words for generated passwords: everyday German nouns of three to eight plain
 * letters, no two that differ in little, none that offends.
 */
export const words: readonly string[] = (
  "abend adler ahorn alarm album algen allee alpen altar amboss ampel amsel anker antenne apfel april arena asche asphalt atlas auster auto " +
  "bach backe bagger bahn balken ballon bambus banane bande banjo bank bargeld bart basalt batterie bauch bauer baum becher beere beet beifall beil berg " +
  "besen beton bett beutel biber biene bild birke birne bison blatt blech blei blick blitz block blume boden bogen bohne boje bolzen boot borke botin " +
  "brand brause brett brezel brief brille brise brot brunnen buch bucht bude bund bunker burg bus busch butter " +
  "cello chor clown computer cousine creme dach dachs dame dampf datum daumen deckel delfin denkmal diamant dieb diele dill diplom distel docht dohle dom " +
  "donner dorf dorn dose drache draht drama dreieck drossel druck duft dung dunst durst dusche ebbe echo ecke efeu eiche eidechse eimer eis eisen " +
  "elch elefant elster ente erbse erde ernte esel essig eule fabel fach faden fahne falke falter farbe farn fass faust feder feier feige feile feld fels " +
  "fenster ferien ferse fest feuer fichte fieber figur film filz finger fink firma fisch flagge flamme flasche fleck flieder floh flosse flug flur fluss folie forelle " +
  "form forst foto frage frisur frosch frost frucht fuchs funke furche futter gabel galerie gans garage garten gasse gast gaumen geige geld gelenk geruch geste " +
  "gewicht gipfel giraffe gitarre gitter glas glocke gold golf gondel graben granit gras grenze griff grille grotte gruppe gummi gurke gurt haar hafen hafer " +
  "hagel hahn haken halle hals halm hammer hamster hand harfe harz hase haube haufen haus haut hebel hecht hecke hefe heft heide heizung helm hemd herbst herd " +
  "hering herz heu hilfe himbeere himmel hirsch hobel hof holz honig horn hose hotel huf hummel hund hut igel imker insel jacht jacke jaguar januar jeans " +
  "jubel juli junge jurist juwel kabel kachel kaffee kahn kajak kakao kaktus kalb kalender kalk kamel kamera kamin kamm kanal kanne kante kapelle karotte karte kasse kastanie " +
  "kater katze kegel keks keller kelch kerze kessel kette kiefer kies kilo kind kino kirsche kissen kiste klang klappe klavier klee kleid klinge klippe knall knie " +
  "knopf knoten koch koffer kohle komet konzert kopf koralle korb korken korn kraft kragen kran kranz kraut kreide kreis kresse kreuz krimi krone krug kuchen kugel " +
  "kuh kulisse kunst kupfer kurve kuss labor lachs lack laden lager lama lampe land lappen laterne laub lauch lava lawine leder lehm lehne leine leiter lerche leuchte " +
  "libelle licht lied liga lilie limonade linde linse lippe liste liter locke lotse luchs luft luke lupe magen magnet mais maler mandel mango mantel marder marke markt " +
  "marmor maske mast matrose matte mauer maus meer mehl meile meise melone menge messer metall meter miete milch minute mispel mittag mohn molch monat mond moos morgen motor motte " +
  "museum muskel musik mutter nabel nacht nadel nagel name napf narbe nase natur nebel nelke nest netz niere nordwind note nudel nuss oase obst ofen ohr oktave " +
  "olive oma onkel oper opal orange orden organ orgel orkan ort otter ozean paket palme panda papier pappel paprika parade park pass pastete pause pedal pelz pendel perle " +
  "pfanne pfau pfeffer pfeife pferd pfirsich pflanze pflaster pflug pforte pfote pilot pilz pinsel pirat planet platte platz poet pokal polster pony post preis prinz probe pudel puls pult " +
  "pumpe punkt puppe pyramide quader qualle quark quelle quitte rabe rad radio rahmen rakete rampe rand rasen rast raupe rebe rechen regal regen reh reifen reihe reim reis reise " +
  "rezept rind ring rinne ritter robbe rock roggen rohr rolle roman rose rost rubin ruder ruhe rumpf runde saal saft sahne saite salat salbe salz samen samt sand sattel " +
  "satz sauna schach schaf schal schatten schaum scheune schiff schilf schirm schlauch schlitten schloss schmetterling schnabel schnee schnur schrank schraube schritt schuh schule schwan schwarm see segel seife " +
  "seil sekunde senf sessel sieb signal silber sirup sitz socke sofa sohle sommer sonne spaten specht speer spiegel spiel spinat sport sprung spur stadt stall stamm stange star staub " +
  "steg stein stempel stern stiefel stier stift stille stirn stock stoff storch strand strauss stroh strom stufe stuhl sturm sultan sumpf suppe tafel tag takt tal tanne tanz tasche tasse " +
  "taube tee teich teig teller tempel teppich thema thron tiger tinte tisch titel tochter tomate tonne topf tor torte traube traum treppe trichter trommel tropfen truhe tuch tulpe tunnel turm " +
  "ufer uhr ulme unfug urlaub vase vater veilchen ventil vers vieh villa viper vogel vorhang vulkan waage wabe wachs wade waffel wagen wal wald walnuss walze wand wange wanne wappen " +
  "warze wasser watte weg weide wein weizen welle welt wespe wetter wicke wiege wiese wild wimper wind winkel winter wirbel witz woche wolf wolke wolle wunsch wurm wurzel zahl zahn " +
  "zander zange zapfen zaun zebra zeder zehe zeichen zeile zeit zelt zettel ziege ziegel ziel zimmer zinn zirkel zirkus zitrone zoo zopf zucker zug zunge zweig zwerg zwiebel zwilling"
).split(" ");
